//! A protocol of the catalogue as several requests at once: notices that come more than once, a cancel, workers where it has
//! some, and time that passes while they are under way.

use ::shuttle::future::spawn;
use paidonce_model::Engine;
use paidonce_model::SqlError;
use paidonce_model::shared::{Ground, Shared};
use paidonce_protocol::catalogue::{self, Protocol, Role};
use paidonce_protocol::shop::{Input, Notice, Outcome, PaymentStatus, Request, Settings};
use paidonce_protocol::{Answer, Coroutine, Progress, Session as _, Statement, Value, Without};
use paidonce_sqlx::Sessions as _;
use paidonce_sqlx::runtime::Runtime as _;

use super::scenario::pauses;
use super::world::World;

/// How long a lease, a lock or a claim lasts, in milliseconds.
pub(super) const LEASE_MS: u64 = 30_000;
/// How far apart the clocks of two web servers are, in milliseconds.
const CLOCKS_APART_MS: i64 = 120_000;
/// So often a notice comes that is not accepted.
const DELIVERIES: u64 = 4;
/// A worker looks for a job so often while notices come, and at the end until there is none.
const RUNS: u64 = 3;

const SETTINGS: Settings = Settings {
    attempts: 3,
    lease_ms: LEASE_MS,
    poll_ms: LEASE_MS / 3,
    polls: 2,
    work_ms: LEASE_MS / 3,
    refused_answer: Answer::TryAgain,
    shutdown_release: false,
    hook_inside: false,
};

/// Two orders of two mugs each, and three mugs.
pub(super) fn shop() -> Vec<(&'static str, Vec<Value>)> {
    let mut rows = Vec::new();
    for id in ["1", "2"] {
        let order: [Value; 8] =
            [id.into(), "pending".into(), 2_000.into(), "EUR".into(), "shop".into(), 0.into(), "".into(), 0.into()];
        rows.push(("orders", order.to_vec()));
        rows.push(("order_lines", vec![id.into(), "mug".into(), 2.into()]));
    }
    rows.push(("stock", vec!["mug".into(), 3.into(), 3.into()]));
    rows
}

pub(super) fn notice(txn_id: &str, order_id: &str) -> Notice {
    Notice {
        provider: "paypal".to_owned(),
        txn_id: txn_id.to_owned(),
        payment_status: PaymentStatus::from("Completed"),
        order_id: order_id.to_owned(),
        amount_cents: 2_000,
        currency: "EUR".to_owned(),
        receiver: "shop".to_owned(),
    }
}

/// Who handles notices, and who cancels: an admin's protocol is tried beside `settle`.
fn both(name: &str) -> [&'static Protocol; 2] {
    let find = |name: &str| catalogue::find(name).unwrap_or_else(|| panic!("there is no protocol {name}"));
    let protocol = find(name);
    match protocol.role {
        Role::Admin => [find("settle"), protocol],
        Role::Notice | Role::Worker => [protocol, find(protocol.admin)],
    }
}

pub(super) fn ground(name: &str, engine: Engine) -> Result<Ground, SqlError> {
    let [protocol, admin] = both(name);
    let all: Vec<&'static Statement> = protocol.statements.iter().chain(admin.statements).copied().collect();
    Ground::new(engine, protocol.schema, &all, &shop(), (8, 5_000))
}

pub(super) async fn run(world: &World, name: &str) {
    let [protocol, admin] = both(name);
    world.jumps(pauses(160));
    let told = [("ipn-1", "8XY", "1", 0), ("pdt-1", "8XY", "1", CLOCKS_APART_MS), ("ipn-2", "9ZZ", "2", 0)];
    let senders = told.map(|(who, txn_id, order_id, clock_offset_ms)| {
        let (world, input) = (world.clone(), Input::Notice(notice(txn_id, order_id)));
        spawn(deliver(world, protocol, who, input, clock_offset_ms))
    });
    let cancel = Input::Cancel { order_id: "1".to_owned() };
    let cancels = spawn(request(world.clone(), admin, "admin-1".to_owned(), cancel, 0));
    let workers = ["worker-1", "worker-2"].map(|who| {
        let runs = if protocol.work.is_some() { RUNS } else { 0 };
        let world = world.clone();
        spawn(async move { works(&world, protocol, who, runs).await })
    });
    let mut all_accepted = cancels.await.is_ok();
    for sender in senders {
        all_accepted &= matches!(sender.await, Ok(true));
    }
    for worker in workers {
        all_accepted &= worker.await.is_ok();
    }
    if protocol.work.is_some() {
        // By every clock, what is still claimed is so no longer.
        world.pause(LEASE_MS + CLOCKS_APART_MS.unsigned_abs()).await;
        works(world, protocol, "worker-3", 3 * RUNS).await;
        let is_done = |shared: &Shared| shared.rows("jobs").iter().all(|row| row.text(8) == Ok("done"));
        all_accepted &= world.look(is_done);
    }
    // A notice that is still to come is not at rest.
    if all_accepted {
        world.judge_rest();
    }
}

/// The gateway, or a buyer's browser: the same notice until it is accepted. True when it was.
async fn deliver(world: World, protocol: &'static Protocol, who: &'static str, input: Input, offset_ms: i64) -> bool {
    for delivery in 1..=DELIVERIES {
        let id = format!("{who}-{delivery}");
        let (_, answer) = request(world.clone(), protocol, id, input.clone(), offset_ms).await;
        if answer == Some(Answer::Accepted) {
            if let Input::Notice(notice) = &input {
                world.accepted(notice);
            }
            return true;
        }
    }
    false
}

async fn works(world: &World, protocol: &'static Protocol, who: &str, runs: u64) {
    for run in 1..=runs {
        request(world.clone(), protocol, format!("{who}-{run}"), Input::Work, 0).await;
    }
}

/// One request, from call to call.
async fn request(
    world: World,
    protocol: &'static Protocol,
    id: String,
    input: Input,
    clock_offset_ms: i64,
) -> (Option<Outcome>, Option<Answer>) {
    let Ok(mut session) = world.open().await else { return (None, None) };
    session.clock_offset_ms = clock_offset_ms;
    let start = protocol.start_for(&input);
    let request = Request { id, input, settings: SETTINGS, without: Without::NOTHING };
    let mut run = Coroutine::new(|port| start(port, request));
    let mut progress = run.start();
    let outcome = loop {
        run.take_marks().into_iter().for_each(|mark| session.mark(mark));
        match progress {
            Ok(Progress::Asks(call)) => {
                let answer = session.call(call).await;
                progress = run.resume(answer);
            }
            Ok(Progress::Ends(outcome)) => break Some(outcome),
            Err(foul) => {
                world.breaks(format!("{} {foul}", protocol.name));
                break None;
            }
        }
    };
    let answer = session.answer;
    world.close(session).await;
    (outcome, answer)
}
