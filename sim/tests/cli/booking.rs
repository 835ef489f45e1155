//! `paidonce book`

use super::support::{Folder, sample};

#[test]
fn a_payment_is_booked_once() {
    let folder = Folder::with_shop();
    let ipn = sample("ipn.txt");
    let ran = folder.run(&["book", &ipn]);
    assert!(ran.first_line().starts_with("settle · sqlite:shop.db · payment 8XY, Completed: 20.00 EUR"), "{ran:?}");
    ran.expect(0, &["order 1: paid, 20.00 EUR of 20.00 EUR paid", "answer to the gateway: 200", "booked: order 1"]);
    let ran = folder.run(&["book", &ipn]).expect(0, &["already booked: nothing more was booked", "order 1: paid"]);
    assert!(ran.last_line().ends_with("--database sqlite:shop.db"), "{ran:?}");
    folder.run(&["book", &sample("pdt.txt")]).expect(0, &["already booked"]);
    folder.run(&["audit"]).expect(0, &["clean"]);
}

#[test]
fn a_notice_comes_from_standard_input_too() {
    let folder = Folder::with_shop();
    let body = std::fs::read_to_string(sample("ipn.txt")).unwrap();
    let json = folder.run_with(&["book", "-", "--json"], &body).expect(0, &[]).json();
    assert_eq!((&json["order_status"], &json["payments"][0]), (&"paid".into(), &"booked".into()));
    assert_eq!(json["answer"], "200");
}

#[test]
fn what_does_not_fit_its_order_waits_for_a_person() {
    let folder = Folder::with_shop();
    for (body, reason, order) in [
        ("ipn-wrong-amount.txt", "wrong amount", "order 1: pending, 0.00 EUR of 20.00 EUR paid"),
        ("ipn-unknown-order.txt", "unknown order", "order 77: there is none"),
    ] {
        for said in [
            format!("queued for a person: {reason} ·"),
            format!("already queued for a person: {reason}; counted once more"),
        ] {
            folder.run(&["book", &sample(body)]).expect(1, &[&said, order, "answer to the gateway: 200"]);
        }
    }
    // Another misfit under the same payment's name is another thing to look at.
    let other = std::fs::read_to_string(sample("ipn-wrong-amount.txt")).unwrap().replace("invoice=1", "invoice=78");
    let ran = folder.run_with(&["book", "-"], &other);
    ran.expect(1, &["\nqueued for a person: unknown order", "wrong amount"]);
    let body = std::fs::read_to_string(sample("ipn.txt")).unwrap();
    let other = [("EUR", "USD", "wrong currency"), ("shop%40", "thief%40", "wrong receiver")];
    for (from, to, reason) in other {
        let body = body.replace(from, to).replace("8XY", to);
        folder
            .run_with(&["book", "-"], &body)
            .expect(1, &[&format!("queued for a person: {reason}"), "order 1: pending"]);
    }
    folder.run(&["audit"]).expect(0, &["clean"]);
}

#[test]
fn money_that_cannot_be_booked_is_queued_for_refund() {
    let folder = Folder::with_shop();
    folder.run(&["book", &sample("ipn.txt")]).expect(0, &[]);
    let second = sample("ipn-second-payment.txt");
    folder
        .run(&["book", &second])
        .expect(1, &["queued for refund: order already paid", "refund of payment 9CD: 20.00 EUR"]);
    let ran = folder.run(&["book", &second]);
    assert!(!ran.out.contains("already booked"), "{ran:?}");
    ran.expect(1, &["already queued for refund: nothing more was queued"]);
    let short =
        std::fs::read_to_string(sample("ipn.txt")).unwrap().replace("invoice=1", "invoice=3").replace("8XY", "7ZZ");
    folder.run_with(&["book", "-"], &short).expect(1, &["queued for refund: stock too short", "order 3: pending"]);
    folder.run(&["audit"]).expect(0, &["clean"]);
}

#[test]
fn one_payment_for_two_orders_is_not_said_to_be_booked_for_the_second() {
    let folder = Folder::with_shop();
    folder.run(&["book", &sample("ipn.txt")]).expect(0, &[]);
    let body = std::fs::read_to_string(sample("ipn.txt")).unwrap().replace("invoice=1", "invoice=3");
    folder.run_with(&["book", "-"], &body).expect(1, &["already booked, but for order 1", "order 3: pending"]);
    // What is in the books is told in its own currency, whatever the notice says.
    let body =
        body.replace("invoice=3", "invoice=1").replace("mc_currency=EUR", "mc_currency=JPY").replace("20.00", "20");
    folder.run_with(&["book", "-"], &body).expect(1, &["payment 8XY: 20.00 EUR for order 1, booked"]);
}

#[test]
fn a_status_without_money_books_nothing() {
    let folder = Folder::with_shop();
    let body = std::fs::read_to_string(sample("ipn.txt")).unwrap().replace("Completed", "Pending");
    folder.run_with(&["book", "-"], &body).expect(0, &["nothing to book", "Pending", "order 1: pending"]);
}

#[test]
fn a_malformed_notice_changes_nothing() {
    let folder = Folder::with_shop();
    let before = std::fs::read(folder.path("shop.db")).unwrap();
    let malformed = sample("ipn-malformed.txt");
    folder.run(&["book", &malformed]).expect(2, &["mc_gross", "20,00", "nothing was changed"]);
    folder.run_with(&["book", "-"], "").expect(2, &["(body)", "found nothing", "nothing was changed"]);
    folder.run(&["book", "none.txt"]).expect(2, &["none.txt"]);
    assert_eq!(std::fs::read(folder.path("shop.db")).unwrap(), before);
    let other = Folder::new();
    other.run(&["book", &malformed, "--create-demo-shop"]).expect(2, &["mc_gross"]);
    assert!(!other.path("shop.db").exists());
}

#[test]
fn a_database_that_is_no_shop_is_told_what_it_lacks() {
    let folder = Folder::new();
    let ipn = sample("ipn.txt");
    let book = |database: &str| folder.run(&["book", &ipn, "--database", database]);
    book("sqlite:none.db").expect(2, &["there is no database at none.db"]);
    book("oracle://localhost/shop").expect(2, &["oracle://localhost/shop", "sqlite:PATH"]);
    folder.run(&["book", &ipn, "--database", ""]).expect(2, &["sqlite:PATH"]);
    folder.write("foreign.db", "");
    book("sqlite:foreign.db").expect(2, &["missing table orders", "missing table outbox"]);
    folder
        .write("text.db", "this is no database at all, but a text that is long enough to be taken for one".repeat(20));
    book("sqlite:text.db").expect(2, &["text.db"]);
    assert!(!folder.path("none.db").exists());
}

#[test]
fn a_demo_shop_never_replaces_what_is_there() {
    let folder = Folder::with_shop();
    folder.run(&["book", "--create-demo-shop"]).expect(2, &["shop.db exists already"]);
    folder.run(&["book", "--create-demo-shop", "--database", "postgres:shop"]).expect(2, &["sqlite:PATH"]);
    folder.run(&["book"]).expect(2, &["NOTICE"]);
    let ran = Folder::new().run(&["book", &sample("ipn.txt"), "--create-demo-shop"]);
    ran.expect(0, &["made a demo shop", "booked: order 1"]);
}
