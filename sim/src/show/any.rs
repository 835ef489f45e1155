//! Any trace at all, for the tests.

use paidonce_model::trace::{
    Asked, Datum, DeathForm, Event, Meaning, Outside, Remark, Step, TRACE_VERSION, Told, Trace, TraceVerdict, Woken,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::samples::scenario;

/// Any trace at all: odd names, empty steps, texts that mean something to a terminal, to Mermaid, to XML.
pub(crate) fn any_trace() -> impl Strategy<Value = Trace> {
    let verdict = (option::of(odd()), odd()).prop_map(|(claim, sentence)| TraceVerdict { claim, sentence });
    let head = (odd(), odd(), vec(odd(), 0..3), option::of(any::<u64>()), odd());
    (head, verdict, vec(any_step(), 0..24)).prop_map(|((protocol, engine, without, seed, name), verdict, steps)| {
        let mut scenario = scenario();
        scenario.name = name;
        let (version, rows, world) = (TRACE_VERSION, [].into(), Outside::default());
        Trace { version, protocol, engine, without, scenario, seed, verdict, steps, rows, world }
    })
}

/// A text that some renderer could trip over.
fn odd() -> impl Strategy<Value = String> {
    let traps = [
        "",
        " ",
        ";",
        "#",
        "a;b#c:d",
        "<br/>",
        "]]>",
        "&amp;",
        "\"'`",
        "line\nline\r\n",
        "\u{1b}[31m",
        "\u{0}",
        "%%{init}%%",
        "$$x$$",
        "style a:;",
        "wrap: end",
        "end",
        "\u{202e}tfel",
        "e\u{301}\u{301}\u{301}",
        "字字字字字字字字字字字字字字",
        "ipn-1",
        "ipn-3",
        "pdt-1",
        "nowhere-9",
        "\u{ffff}",
        "👩‍👩‍👧‍👦",
    ];
    prop_oneof![
        4 => select(traps.to_vec()).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => (any::<char>(), 0..20_000usize).prop_map(|(character, times)| character.to_string().repeat(times)),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    (option::of(odd()), any::<i64>(), any_event(), vec(any_remark(), 0..3), option::of(odd()))
        .prop_map(|(actor, now_ms, event, marks, outcome)| Step { actor, now_ms, event, marks, outcome })
}

fn any_event() -> impl Strategy<Value = Event> {
    let by = || vec(odd(), 0..6);
    let meaning = select(Meaning::ALL.to_vec());
    let form = select(vec![DeathForm::Soft, DeathForm::Reset, DeathForm::Silent, DeathForm::Stop]);
    let woken = || {
        (odd(), any_answer(), vec(any_remark(), 0..2), option::of(odd()))
            .prop_map(|(actor, answer, marks, outcome)| Woken { actor, answer, marks, outcome })
    };
    prop_oneof![
        (any_call(), any_answer()).prop_map(|(call, answer)| Event::Answered { call, answer }),
        (any_call(), by()).prop_map(|(call, by)| Event::Blocked { call, by }),
        any_call().prop_map(|call| Event::Shown { call }),
        any_answer().prop_map(|answer| Event::Granted { answer }),
        by().prop_map(|by| Event::BlockedAgain { by }),
        any_answer().prop_map(|answer| Event::Deadlock { answer }),
        (any_call(), meaning).prop_map(|(call, meaning)| Event::ReplyLost { call, meaning }),
        form.prop_map(|form| Event::Died { form }),
        Just(Event::Landed),
        Just(Event::Reaped),
        (0..4_usize, vec(woken(), 0..3)).prop_map(|(lost, woken)| Event::Crashed { lost, woken }),
        (any::<i64>(), vec(woken(), 0..3)).prop_map(|(to_ms, woken)| Event::Ticked { to_ms, woken }),
    ]
}

fn any_call() -> impl Strategy<Value = Asked> {
    let name = prop_oneof![select(vec!["answer", "mail", "clock", "wait", "commit"]).prop_map(str::to_owned), odd()];
    (name, option::of(odd()), vec(any_datum(), 0..5)).prop_map(|(name, sql, arguments)| Asked { name, sql, arguments })
}

fn any_answer() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Told::Done),
        vec(vec(any_datum(), 0..4), 0..4).prop_map(Told::Rows),
        any::<u64>().prop_map(Told::Affected),
        any::<i64>().prop_map(Told::Clock),
        odd().prop_map(Told::Error),
    ]
}

fn any_datum() -> impl Strategy<Value = Datum> {
    prop_oneof![Just(Datum::Null), any::<i64>().prop_map(Datum::Int), odd().prop_map(Datum::Text)]
}

fn any_remark() -> impl Strategy<Value = Remark> {
    prop_oneof![
        odd().prop_map(Remark::Holds),
        odd().prop_map(Remark::Ends),
        odd().prop_map(Remark::Refused),
        odd().prop_map(Remark::Exhausted)
    ]
}
