//! Orders, stock, locks and servers.

use super::{refusal, refused};

#[test]
fn orders_are_sound() {
    refused(&[
        (
            "[[stock]]",
            "[[orders]]\nid = \"1\"\ntotal_cents = 0\ncurrency = \"EUR\"\nreceiver = \"a\"\nlines = [{ sku = \"mug\", units = 1 }]\n[[stock]]",
            "9:6: orders[1].id: is `1`, as orders[0].id is; expected each once",
        ),
        (
            "id = \"1\"\n",
            "id = \"\"\n",
            "3:6: orders[0].id: is ``; expected 1 to 127 characters, no space at either end and no control characters",
        ),
        (
            "total_cents = 2000",
            "total_cents = -1",
            "4:15: orders[0].total_cents: is -1; expected a number from 0 to 1000000000000000",
        ),
        (
            "currency = \"EUR\"",
            "currency = \"euro\"",
            "5:12: orders[0].currency: is `euro`; expected an ISO 4217 currency code such as EUR",
        ),
        (
            "receiver = \"shop@example.com\"",
            "receiver = \"shop@example.com\\n\"",
            "6:12: orders[0].receiver: is `shop@example.com…`; expected 1 to 127 characters, no space at either end and no control characters",
        ),
        (
            "[[stock]]",
            "status = \"open\"\n[[stock]]",
            "8:10: orders[0].status: there is no status `open`; expected one of: pending, paid, cancelled",
        ),
        (
            "[[stock]]",
            "status = \"paid\"\n[[stock]]",
            "8:10: orders[0].status: is `paid`, which has no meaning without the row of its payment; expected one of: pending, cancelled",
        ),
        (
            "lines = [{ sku = \"mug\", units = 2 }]",
            "lines = []",
            "7:9: orders[0].lines: is empty; expected at least one line with a sku and its units",
        ),
        ("units = 2", "units = 0", "7:33: orders[0].lines[0].units: is 0; expected a number from 1 to 1000000000"),
        (
            "units = 2 }",
            "units = 2 }, { sku = \"mug\", units = 1 }",
            "7:46: orders[0].lines[1].sku: is `mug`, as orders[0].lines[0].sku is; expected each once",
        ),
        (
            "{ sku = \"mug\"",
            "{ sku = \"plate\"",
            "7:18: orders[0].lines[0].sku: `plate` is not in stock; expected one of: mug",
        ),
    ]);
}

#[test]
fn stock_and_locks_are_sound() {
    refused(&[
        ("on_hand = 3", "on_hand = -1", "10:11: stock[0].on_hand: is -1; expected a number from 0 to 1000000000"),
        (
            "on_hand = 3",
            "on_hand = 3\n[[stock]]\nsku = \"mug\"\non_hand = 1",
            "12:7: stock[1].sku: is `mug`, as stock[0].sku is; expected each once",
        ),
        (
            "[[servers]]",
            "[[locks]]\nname = \"order-1\"\nrequest_id = \"\"\nexpires_ms = 999999999999999\n[[servers]]",
            "13:14: locks[0].request_id: is ``; expected 1 to 64 characters, no space at either end and no control characters\n14:14: locks[0].expires_ms: is 999999999999999; expected a number from -315360000000 to 315360000000",
        ),
    ]);
}

#[test]
fn servers_are_sound() {
    refused(&[
        (
            "name = \"web-1\"",
            "name = \"Web 1\"",
            "12:8: servers[0].name: is `Web 1`; expected 1 to 32 characters out of a-z, 0-9 and -, a letter first and no hyphen last\n16:12: actors[0].servers[0]: there is no server `web-1`; expected one of: Web 1\n24:12: actors[1].servers[0]: there is no server `web-1`; expected one of: Web 1",
        ),
        (
            "clock_offset_ms = 0",
            "clock_offset_ms = 0\n[[servers]]\nname = \"web-1\"",
            "15:8: servers[1].name: is `web-1`, as servers[0].name is; expected each once",
        ),
        (
            "clock_offset_ms = 0",
            "clock_offset_ms = -400000000000",
            "13:19: servers[0].clock_offset_ms: is -400000000000; expected a number from -315360000000 to 315360000000",
        ),
    ]);
}

#[test]
fn a_scenario_without_servers_and_actors_is_refused() {
    assert_eq!(
        refusal("story = 'Nobody comes.'\nservers = []\nactors = []\n"),
        "folder/bad.toml:2:11: servers: is empty; expected at least one server\n\
         folder/bad.toml:3:10: actors: is empty; expected at least one actor"
    );
}
