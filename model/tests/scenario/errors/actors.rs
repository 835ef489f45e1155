//! Who comes, and with what.

use paidonce_model::scenario::Scenario;

use super::{SOUND, refusal, refused};

#[test]
fn an_actor_has_a_name_of_its_own() {
    refused(&[
        (
            "name = \"admin\"",
            "name = \"ipn\"",
            "23:8: actors[1].name: is `ipn`, as actors[0].name is; expected each once",
        ),
        (
            "name = \"admin\"",
            "name = \"\"",
            "23:8: actors[1].name: is ``; expected 1 to 32 characters out of a-z, 0-9 and -, a letter first and no hyphen last",
        ),
        (
            "name = \"admin\"",
            "name = \"the_admin\"",
            "23:8: actors[1].name: is `the_admin`; expected 1 to 32 characters out of a-z, 0-9 and -, a letter first and no hyphen last",
        ),
        (
            "name = \"admin\"",
            "name = \"admin-1\"",
            "23:8: actors[1].name: `admin-1` ends like the name of a request; expected the stem alone: its requests become `admin-1`, …",
        ),
        (
            "name = \"admin\"",
            "name = \"admin-\"",
            "23:8: actors[1].name: is `admin-`; expected 1 to 32 characters out of a-z, 0-9 and -, a letter first and no hyphen last",
        ),
    ]);
}

#[test]
fn an_actor_brings_exactly_one_thing() {
    refused(&[
        (
            "cancel = \"1\"\n",
            "",
            "22:1: actors[1]: does not say what it brings; expected exactly one of ipn, pdt, cancel and work",
        ),
        (
            "cancel = \"1\"\n",
            "cancel = \"1\"\npdt = \"SUCCESS\"\n",
            "25:10: actors[1].cancel: is given beside pdt; expected exactly one of ipn, pdt, cancel and work\n26:7: actors[1].pdt: malformed notice: field (body): expected fields as a gateway posts them, found nothing",
        ),
        (
            "cancel = \"1\"\n",
            "cancel = \"\"\n",
            "25:10: actors[1].cancel: is ``; expected 1 to 127 characters, no space at either end and no control characters",
        ),
    ]);
}

#[test]
fn a_notice_that_cannot_be_read_is_refused_with_its_own_field() {
    refused(&[
        (
            "mc_currency=EUR",
            "mc_currency=EURO",
            "21:1: actors[0].ipn: malformed notice: field mc_currency: expected an ISO 4217 currency code, found `EURO`",
        ),
        (
            "mc_gross=20.00",
            "mc_gross=20.001",
            "20:26: actors[0].ipn: malformed notice: field mc_gross: expected an amount that fits 64 bits, with no more decimals than its currency has, found `20.001`",
        ),
        (
            "&invoice=1",
            "",
            "19:7: actors[0].ipn: malformed notice: field invoice: expected the order's id, found nothing",
        ),
        (
            "cancel = \"1\"",
            "pdt = \"\"\"\nFAIL\nError: 4020\"\"\"",
            "25:7: actors[1].pdt: malformed notice: field (first line): expected SUCCESS, found `FAIL`",
        ),
        (
            "mc_gross=20.00",
            "mc_gross=99999999999999.00",
            "19:7: actors[0].ipn: pays 9999999999999900 minor units; expected at most 1000000000000000",
        ),
    ]);
}

#[test]
fn an_actor_reaches_servers_that_exist() {
    refused(&[
        (
            "servers = [\"web-1\"]\ncancel",
            "servers = [\"web-9\"]\ncancel",
            "24:12: actors[1].servers[0]: there is no server `web-9`; expected one of: web-1",
        ),
        (
            "servers = [\"web-1\"]\ncancel",
            "servers = []\ncancel",
            "24:11: actors[1].servers: is empty; expected at least one of: web-1",
        ),
    ]);
}

#[test]
fn deliveries_are_sound() {
    refused(&[
        ("overlapping = 2", "overlapping = 0", "17:15: actors[0].overlapping: is 0; expected at least 1"),
        (
            "overlapping = 2",
            "overlapping = 4",
            "18:14: actors[0].deliveries: is 3; expected at least as many as overlap (4)",
        ),
        (
            "cancel = \"1\"",
            "cancel = \"1\"\ndeliveries = 2",
            "26:14: actors[1].deliveries: is 2; expected as many as overlap (1): only an ipn is delivered, and a worker started again, a buyer's browser and an admin are not",
        ),
        (
            "deliveries = 3",
            "deliveries = 2",
            "18:14: actors[0].deliveries: is 2, and faults (deaths 1, lost_replies 1, crashes 0 of 2 at once) can use up 2; expected at least 3: the budget of deliveries exceeds the budget of faults, so that `try again` is followed by a try",
        ),
        ("deliveries = 3", "deliveries = 16", "14:1: actors: make 17 requests in all; expected at most 16"),
    ]);
}

#[test]
fn an_actor_comes_after_another_one() {
    refused(&[
        (
            "cancel = \"1\"",
            "cancel = \"1\"\nafter = \"pdt\"",
            "26:9: actors[1].after: there is no other actor `pdt`; expected one of: ipn",
        ),
        (
            "cancel = \"1\"",
            "cancel = \"1\"\nafter = \"admin\"",
            "26:9: actors[1].after: there is no other actor `admin`; expected one of: ipn",
        ),
    ]);
}

#[test]
fn a_protocol_is_in_the_catalogue_and_in_its_role() {
    refused(&[
        (
            "cancel = \"1\"",
            "cancel = \"1\"\nprotocol = \"delete\"",
            "26:12: actors[1].protocol: there is no protocol `delete`; expected one of: cancel_unlocked, cancel",
        ),
        (
            "cancel = \"1\"",
            "cancel = \"1\"\nprotocol = \"settle\"",
            "26:12: actors[1].protocol: `settle` handles the role notice; expected a protocol for the role admin: cancel_unlocked, cancel",
        ),
        (
            "deliveries = 3",
            "deliveries = 3\nprotocol = \"cancel\"",
            "19:12: actors[0].protocol: `cancel` handles the role admin; expected a protocol for the role notice: unlocked, lock_table, row_lock, queue, settle, fenced_lease, worker",
        ),
        (
            "protocol = \"settle\"",
            "protocol = \"cancel\"",
            "38:12: check[0].protocol: `cancel` handles the role admin; expected a protocol for the role notice: unlocked, lock_table, row_lock, queue, settle, fenced_lease, worker",
        ),
        (
            "protocol = \"settle\"",
            "protocol = \"settel\"",
            "38:12: check[0].protocol: there is no protocol `settel`; expected one of: unlocked, lock_table, row_lock, queue, settle, fenced_lease, worker",
        ),
    ]);
}

#[test]
fn two_actors_that_wait_for_each_other_are_refused() {
    let text = SOUND.replace("name = \"ipn\"", "name = \"ipn\"\nafter = \"admin\"");
    assert!(Scenario::from_toml("sound.toml", &text).is_ok(), "one may wait for the other");
    let text = text.replace("name = \"admin\"", "name = \"admin\"\nafter = \"ipn\"");
    assert_eq!(
        refusal(&text),
        "folder/bad.toml:16:9: actors[0].after: is `admin`, which itself comes after `ipn`; expected an order\n\
         folder/bad.toml:25:9: actors[1].after: is `ipn`, which itself comes after `admin`; expected an order"
    );
}

#[test]
fn two_notices_of_one_payment_have_to_agree_about_it() {
    let second = "[[actors]]\nname = \"pdt\"\nservers = [\"web-1\"]\npdt = \"\"\"SUCCESS\npayment_status=Processed\n\
                  mc_gross=20.00\nmc_currency=EUR\ntxn_id=8XY\ninvoice=1\nreceiver_id=shop%40example.com\"\"\"\n[settings]";
    let text = SOUND.replace("[settings]", second);
    assert!(Scenario::from_toml("sound.toml", &text).is_ok(), "two events of one payment are fine");
    assert_eq!(
        refusal(&text.replace("mc_gross=20.00\nmc", "mc_gross=2.00\nmc")),
        "folder/bad.toml:29:7: actors[2].pdt: says that payment 8XY is 200 EUR to shop@example.com for order 1; expected \
         what actors[0].ipn says: 2000 EUR to shop@example.com for order 1"
    );
}
