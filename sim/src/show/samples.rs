//! Traces for the tests, told by hand. Those told by chance are in `any`.

use paidonce_model::scenario::Scenario;
use paidonce_model::trace::{
    Asked, Datum, DeathForm, Event, Meaning, Outside, Remark, Step, TRACE_VERSION, Told, Trace, TraceVerdict, Woken,
    WorldHold, WorldMail, WorldPayment,
};
use serde_json::json;

/// The IPN and the buyer's PDT both read *pending*, and both book.
pub(crate) fn double_booking() -> Trace {
    let select = "SELECT status FROM orders WHERE id = $1";
    let read = || call("read_status", Some(select), vec![text("1")]);
    let record = |actor: &str| {
        let insert = "INSERT INTO payments (…) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let texts = ["paypal", "61E67681CH3238416", "payment", actor, "1"].map(text);
        call(
            "record_payment",
            Some(insert),
            texts.into_iter().chain([Datum::Int(2000), text("EUR"), text("booked")]).collect(),
        )
    };
    let save =
        call("save_txn", Some("UPDATE orders SET …"), vec![text("61E67681CH3238416"), Datum::Int(2000), text("1")]);
    let pending = || Told::Rows(vec![vec![text("pending")]]);
    let steps = vec![
        answered("ipn-1", read(), pending()),
        answered("pdt-1", read(), pending()),
        answered("ipn-1", record("ipn-1"), Told::Affected(1)),
        answered("ipn-1", save, Told::Affected(1)),
        answered("pdt-1", record("pdt-1"), Told::Affected(1)),
    ];
    let payment = |actor: &str| ["paypal", "61E67681CH3238416", "payment", actor].map(text).to_vec();
    Trace {
        seed: Some(7),
        rows: [("payments".to_owned(), vec![payment("ipn-1"), payment("pdt-1")])].into(),
        world: Outside { taken: vec![taken()], ..Outside::default() },
        ..trace(
            "unlocked",
            "a_payment_is_booked_at_most_once",
            "Payment 61E67681CH3238416 for order 1 is in the books twice: once by ipn-1 and once by pdt-1. The buyer paid once.",
            steps,
        )
    }
}

/// A request dies with the row locked, another waits for it in vain, the gateway delivers again, a commit's answer is
/// lost; and nothing goes wrong.
pub(crate) fn all_is_well() -> Trace {
    let lock = || call("lock_and_read", Some("SELECT status FROM orders WHERE id = $1 FOR UPDATE"), vec![text("1")]);
    let plain = |name: &str| call(name, None, vec![]);
    let answer = |told: &str| call("answer", None, vec![text(told)]);
    let pending = || Told::Rows(vec![vec![text("pending")]]);
    let conflict = || Told::Error("conflict".to_owned());
    let pay = call(
        "pay_pending",
        Some("UPDATE orders SET status = 'paid', …"),
        vec![Datum::Int(2000), text("61E67681CH3238416"), text("1")],
    );
    let timed_out = Woken { actor: "ipn-2".to_owned(), answer: conflict(), marks: vec![], outcome: None };
    let steps = vec![
        answered("ipn-1", plain("begin"), Told::Done),
        marked(answered("ipn-1", lock(), pending()), holds("order-1")),
        answered("ipn-2", plain("begin"), Told::Done),
        step("ipn-2", Event::Blocked { call: lock(), by: vec!["ipn-1".to_owned()] }),
        step("ipn-1", Event::Died { form: DeathForm::Silent }),
        tick(5_000, vec![timed_out]),
        at(5_000, answered("ipn-2", plain("rollback"), Told::Done)),
        at(5_000, ended(answered("ipn-2", answer("try again"), Told::Done), "try again")),
        at(5_000, tick(10_000, vec![])),
        at(10_000, step("ipn-1", Event::Reaped)),
        at(10_000, answered("ipn-3", plain("begin"), Told::Done)),
        at(10_000, marked(answered("ipn-3", lock(), pending()), holds("order-1"))),
        at(10_000, answered("pdt-1", plain("begin"), Told::Done)),
        at(10_000, step("pdt-1", Event::Blocked { call: lock(), by: vec!["ipn-3".to_owned()] })),
        at(10_000, answered("ipn-3", pay, Told::Affected(1))),
        at(
            10_000,
            marked(step("ipn-3", Event::ReplyLost { call: plain("commit"), meaning: Meaning::Done }), ends("order-1")),
        ),
        at(
            10_000,
            marked(step("pdt-1", Event::Granted { answer: Told::Rows(vec![vec![text("paid")]]) }), holds("order-1")),
        ),
        at(10_000, marked(answered("pdt-1", plain("rollback"), Told::Done), ends("order-1"))),
        at(10_000, ended(answered("pdt-1", answer("200"), Told::Done), "already handled")),
        at(10_000, ended(answered("ipn-3", answer("try again"), Told::Done), "try again")),
    ];
    let mut trace = trace(
        "row_lock",
        "",
        "Nothing went wrong: order 1 is paid once, and the gateway will be told so when it asks again.",
        steps,
    );
    trace.verdict.claim = None;
    trace.world.at_rest = true;
    trace
}

/// What is left: a web server's clock, a wait, a mail, a refused lock, a deadlock, a second block, a commit that is done
/// late, an exception whose shutdown code runs, a guard left out.
pub(crate) fn odds_and_ends() -> Trace {
    let statement = |name: &str| call(name, Some("UPDATE …"), vec![text("order-1")]);
    let plain = |name: &str| call(name, None, vec![]);
    let blocked = |by: &str| Event::Blocked { call: statement("take_stock"), by: vec![by.to_owned()] };
    let over = Woken { actor: "pdt-1".to_owned(), answer: Told::Done, marks: vec![], outcome: None };
    let mut steps = vec![
        answered("ipn-1", plain("clock"), Told::Clock(120_250)),
        marked(answered("ipn-1", statement("insert_lock"), Told::Affected(1)), holds("order-1")),
        marked(answered("pdt-1", statement("insert_lock"), Told::Affected(0)), Remark::Refused("order-1".to_owned())),
        step("pdt-1", Event::Blocked { call: call("wait", None, vec![Datum::Int(1_000)]), by: vec![] }),
        tick(1_000, vec![over]),
        step("pdt-1", blocked("ipn-1")),
        step("pdt-1", Event::BlockedAgain { by: vec!["ipn-2".to_owned()] }),
        step("pdt-1", Event::Deadlock { answer: Told::Error("conflict".to_owned()) }),
        answered("ipn-1", call("mail", None, vec![text("order-1-paid-ipn-1")]), Told::Done),
        step("ipn-1", Event::Died { form: DeathForm::Soft }),
        answered("ipn-1", statement("delete_own_locks"), Told::Affected(1)),
        step("pdt-1", Event::ReplyLost { call: plain("commit"), meaning: Meaning::Later }),
        answered(
            "pdt-1",
            statement("read_lines"),
            Told::Rows(vec![vec![text("cup"), Datum::Int(1)], vec![text("mug"), Datum::Null]]),
        ),
        step("pdt-1", Event::Landed),
    ];
    steps.iter_mut().skip(5).for_each(|step| step.now_ms = 1_000);
    let mut trace =
        trace("settle", "stock_agrees_with_orders", "The shelf has one mug fewer than the orders say.", steps);
    trace.without = vec!["OneTransaction".to_owned(), "UniqueKey".to_owned()];
    trace.world.mails = vec![WorldMail { message_id: "order-1-paid-ipn-1".to_owned(), order_id: "1".to_owned() }];
    trace.world.holds =
        vec![WorldHold { section: "order-1".to_owned(), actor: "ipn-1".to_owned(), from_step: 2, to_step: Some(10) }];
    trace
}

/// The server is killed while a commit that another has acted on is not in its log.
pub(crate) fn seen_and_undone() -> Trace {
    let plain = |name: &str| call(name, None, vec![]);
    let lock = || call("lock_and_read", Some("SELECT status FROM orders WHERE id = $1 FOR UPDATE"), vec![text("1")]);
    let answer = |told: &str| call("answer", None, vec![text(told)]);
    let unknown = Told::Error("unknown".to_owned());
    let cut_off = Woken { actor: "ipn-1".to_owned(), answer: unknown, marks: vec![ends("order-1")], outcome: None };
    let paid = Told::Rows(vec![vec![text("paid")]]);
    let steps = vec![
        marked(answered("ipn-1", lock(), Told::Rows(vec![vec![text("pending")]])), holds("order-1")),
        step("ipn-1", Event::Shown { call: plain("commit") }),
        answered("ipn-2", lock(), paid),
        answered("ipn-2", plain("rollback"), Told::Done),
        ended(answered("ipn-2", answer("200"), Told::Done), "already handled"),
        Step { actor: None, ..step("", Event::Crashed { lost: 1, woken: vec![cut_off] }) },
        ended(answered("ipn-1", answer("try again"), Told::Done), "try again"),
    ];
    let sentence = "Payment 61E67681CH3238416 was answered 200, and no row has it.";
    Trace {
        engine: "mariadb/repeatable-read".to_owned(),
        world: Outside { taken: vec![taken()], ..Outside::default() },
        ..trace("row_lock", "taken_money_is_never_lost", sentence, steps)
    }
}

/// Every sample.
pub(crate) fn all() -> [Trace; 4] {
    [double_booking(), all_is_well(), odds_and_ends(), seen_and_undone()]
}

fn trace(protocol: &str, claim: &str, sentence: &str, steps: Vec<Step>) -> Trace {
    Trace {
        version: TRACE_VERSION,
        protocol: protocol.to_owned(),
        engine: "postgres/read-committed".to_owned(),
        without: Vec::new(),
        scenario: scenario(),
        seed: None,
        verdict: TraceVerdict { claim: Some(claim.to_owned()), sentence: sentence.to_owned() },
        steps,
        rows: [].into(),
        world: Outside::default(),
    }
}

/// Two notices at once of four, and the buyer's browser.
pub(crate) fn scenario() -> Scenario {
    let scenario = json!({
        "name": "sample",
        "story": "One payment is told of several times.",
        "orders": [{
            "id": "1", "total_cents": 2000, "currency": "EUR", "receiver": "shop@example.com",
            "lines": [{ "sku": "mug", "units": 2 }]
        }],
        "stock": [{ "sku": "mug", "on_hand": 3 }],
        "locks": [{ "name": "order-2", "request_id": "ipn-9", "expires_ms": -1 }],
        "servers": [{ "name": "web-1" }, { "name": "web-2", "clock_offset_ms": 120_000 }],
        "actors": [
            { "name": "ipn", "ipn": "txn_id=61E67681CH3238416", "servers": ["web-1"], "overlapping": 2, "deliveries": 4 },
            { "name": "pdt", "pdt": "SUCCESS", "servers": ["web-2"] }
        ],
        "faults": { "deaths": 1, "death_forms": ["silent", "soft"], "lost_replies": 1, "ticks": 2 },
        "assume": ["nobody_outlives_a_lease"],
        "check": [{ "protocol": "unlocked", "engines": ["postgres/read-committed"] }]
    });
    serde_json::from_value(scenario).expect("a sample's scenario is one")
}

fn taken() -> WorldPayment {
    WorldPayment {
        provider: "paypal".to_owned(),
        txn_id: "61E67681CH3238416".to_owned(),
        order_id: "1".to_owned(),
        amount_cents: 2000,
        currency: "EUR".to_owned(),
        receiver: "shop@example.com".to_owned(),
    }
}

pub(crate) fn call(name: &str, sql: Option<&str>, arguments: Vec<Datum>) -> Asked {
    Asked { name: name.to_owned(), sql: sql.map(str::to_owned), arguments }
}

fn step(actor: &str, event: Event) -> Step {
    Step { actor: Some(actor.to_owned()), now_ms: 0, event, marks: Vec::new(), outcome: None }
}

fn answered(actor: &str, call: Asked, answer: Told) -> Step {
    step(actor, Event::Answered { call, answer })
}

fn tick(to_ms: i64, woken: Vec<Woken>) -> Step {
    Step { actor: None, ..step("", Event::Ticked { to_ms, woken }) }
}

fn at(now_ms: i64, step: Step) -> Step {
    Step { now_ms, ..step }
}

fn marked(step: Step, mark: Remark) -> Step {
    Step { marks: vec![mark], ..step }
}

fn ended(step: Step, outcome: &str) -> Step {
    Step { outcome: Some(outcome.to_owned()), ..step }
}

fn holds(section: &str) -> Remark {
    Remark::Holds(section.to_owned())
}

fn ends(section: &str) -> Remark {
    Remark::Ends(section.to_owned())
}

fn text(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}
