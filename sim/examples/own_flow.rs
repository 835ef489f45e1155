//! A flow of one's own: money goes from one account to another.
//! `cargo run --release -p paidonce --example own_flow postgres/repeatable-read`

use paidonce::flow::{Error, Flow, Session, Statement, Verdict, replay};
use paidonce::show;

const SCHEMA: &str = "CREATE TABLE accounts (owner VARCHAR(16) NOT NULL PRIMARY KEY, balance BIGINT NOT NULL)";

static READ: Statement = Statement::new("read", "SELECT balance FROM accounts WHERE owner = $1");
static WRITE: Statement = Statement::new("write", "UPDATE accounts SET balance = $2 WHERE owner = $1");
static TAKE: Statement =
    Statement::new("take", "UPDATE accounts SET balance = balance - $2 WHERE owner = $1 AND balance >= $2");
static GIVE: Statement = Statement::new("give", "UPDATE accounts SET balance = balance + $2 WHERE owner = $1");

async fn balance(session: &mut impl Session, owner: &str) -> Result<i64, Error> {
    session.read(&READ, [owner.into()]).await?.first().ok_or(Error::Refused)?.int(0)
}

/// Reads both balances, and then writes what it has computed from them, in one transaction.
async fn wrong(mut session: impl Session, from: &str, to: &str, amount: i64) -> Result<(), Error> {
    let (left, there) = (balance(&mut session, from).await?, balance(&mut session, to).await?);
    if left < amount {
        return Err(Error::Refused);
    }
    session.begin().await?;
    session.write(&WRITE, [from.into(), (left - amount).into()]).await?;
    session.write(&WRITE, [to.into(), (there + amount).into()]).await?;
    session.commit().await
}

/// Lets the database compute, and take only what is there; accounts are locked in one order by everybody.
async fn right(mut session: impl Session, from: &str, to: &str, amount: i64) -> Result<(), Error> {
    session.begin().await?;
    for owner in [from.min(to), from.max(to)] {
        let statement = if owner == from { &TAKE } else { &GIVE };
        if session.write(statement, [owner.into(), amount.into()]).await? == 0 {
            session.rollback().await?;
            return Err(Error::Refused);
        }
    }
    session.commit().await
}

fn accounts(name: &str) -> Flow {
    Flow::new(name, SCHEMA)
        .statements([&READ, &WRITE, &TAKE, &GIVE])
        .row("accounts", ["ann".into(), 100.into()])
        .row("accounts", ["bob".into(), 50.into()])
        .always("money_neither_appears_nor_vanishes", |rows| {
            let all: i64 = rows.ints("accounts", "balance")?.into_iter().sum();
            Ok((all != 150).then(|| format!("there were 150 in all, and now there are {all}")))
        })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = std::env::args().nth(1).unwrap_or_else(|| "postgres/read-committed".to_owned());
    let transfer = accounts("wrong")
        .actor("rent", |session| wrong(session, "ann", "bob", 60))
        .actor("gift", |session| wrong(session, "bob", "ann", 20));
    for engine in [&engine, "sqlite/immediate"] {
        let found = transfer.check(engine)?;
        println!("wrong on {engine}: {}, {} states", found.verdict.name(), found.states);
        let Verdict::Violated(trace) = found.verdict else { continue };
        println!("\n{}", show::mermaid(&trace));
        if engine == "sqlite/immediate" {
            let replayed = replay(&transfer, &trace)?;
            println!("{} steps on a real SQLite: agrees {}\n", replayed.steps, replayed.agrees());
        }
    }
    let transfer = accounts("right")
        .actor("rent", |session| right(session, "ann", "bob", 60))
        .actor("gift", |session| right(session, "bob", "ann", 20));
    let found = transfer.check(&engine)?;
    println!("right on {engine}: {}, {} states", found.verdict.name(), found.states);
    Ok(())
}
