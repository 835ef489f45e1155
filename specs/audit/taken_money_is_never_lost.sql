-- At rest: money that the gateway took and told us of is booked, refunded or queued for a person. A notice with a wrong
-- amount, currency or receiver, or for an unknown order, is queued for a person and not booked. Nothing is in the books
-- that the gateway did not take.
-- Needs world_taken: what the gateway took, the shop's own tables cannot know.

-- A notice that fits its order, and nothing that keeps the money.
SELECT 'payment ' || w.txn_id || ' of ' || w.amount_cents || ' for order ' || w.order_id
       || ' was taken and forgotten: not booked, not refunded, queued for nobody' AS violation
FROM (SELECT DISTINCT provider, txn_id, order_id, amount_cents, currency, receiver FROM world_taken) w
JOIN orders o ON o.id = w.order_id
    AND o.total_cents = w.amount_cents AND o.currency = w.currency AND o.receiver = w.receiver
WHERE NOT EXISTS (
        SELECT 1 FROM payments p
        WHERE p.provider = w.provider AND p.txn_id = w.txn_id AND p.state IN ('booked', 'to refund'))
  AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.provider = w.provider AND r.txn_id = w.txn_id)

UNION ALL

-- A notice that does not fit, and no person who is told.
SELECT 'payment ' || w.txn_id || ' of ' || w.amount_cents || ' does not fit order ' || w.order_id
       || ', and nobody was asked to look at it'
FROM (SELECT DISTINCT provider, txn_id, order_id, amount_cents, currency, receiver FROM world_taken) w
WHERE NOT EXISTS (
        SELECT 1 FROM orders o WHERE o.id = w.order_id
        AND o.total_cents = w.amount_cents AND o.currency = w.currency AND o.receiver = w.receiver)
  AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.provider = w.provider AND r.txn_id = w.txn_id)

UNION ALL

-- A notice that does not fit, and was booked all the same.
SELECT 'payment ' || w.txn_id || ' of ' || w.amount_cents || ' does not fit order ' || w.order_id
       || ', and was booked all the same'
FROM (SELECT DISTINCT provider, txn_id, order_id, amount_cents, currency, receiver FROM world_taken) w
WHERE NOT EXISTS (
        SELECT 1 FROM orders o WHERE o.id = w.order_id
        AND o.total_cents = w.amount_cents AND o.currency = w.currency AND o.receiver = w.receiver)
  AND EXISTS (
        SELECT 1 FROM payments p
        WHERE p.provider = w.provider AND p.txn_id = w.txn_id AND p.state = 'booked')

UNION ALL

-- In the books, and never taken.
SELECT 'payment ' || p.txn_id || ' for order ' || p.order_id
       || ' is in the books, and the gateway never took that money'
FROM payments p
WHERE NOT EXISTS (SELECT 1 FROM world_taken w WHERE w.provider = p.provider AND w.txn_id = p.txn_id)

ORDER BY violation
