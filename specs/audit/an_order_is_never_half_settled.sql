-- At rest: a payment is *booked*, and then paid amount, gateway's id, status and stock agree (all five); or it is *to
-- refund*, and then none of the other four is there, and there is one refund.

-- Booked for an order that is not there.
SELECT 'payment ' || p.txn_id || ' is booked for order ' || p.order_id || ', which does not exist' AS violation
FROM payments p
LEFT JOIN orders o ON o.id = p.order_id
WHERE p.state = 'booked' AND o.id IS NULL

UNION ALL

-- Booked, and the status does not say so.
SELECT 'payment ' || p.txn_id || ' is booked, but order ' || o.id || ' is ' || o.status
FROM payments p
JOIN orders o ON o.id = p.order_id
WHERE p.state = 'booked' AND o.status <> 'paid'
GROUP BY p.provider, p.txn_id, o.id, o.status

UNION ALL

-- Booked, and the order does not carry the gateway's id.
SELECT 'payment ' || p.txn_id || ' is booked, but order ' || o.id || ' carries '
       || CASE o.txn_id WHEN '' THEN 'no payment''s id' ELSE 'the id ' || o.txn_id END
FROM payments p
JOIN orders o ON o.id = p.order_id
WHERE p.state = 'booked' AND o.txn_id <> p.txn_id
GROUP BY p.provider, p.txn_id, o.id, o.txn_id

UNION ALL

-- Booked, and the paid amount is another.
SELECT 'order ' || o.id || ' has ' || SUM(p.amount_cents) || ' booked and counts ' || o.paid_cents || ' as paid'
FROM payments p
JOIN orders o ON o.id = p.order_id
WHERE p.state = 'booked'
GROUP BY o.id, o.paid_cents
HAVING SUM(p.amount_cents) <> o.paid_cents

UNION ALL

-- Booked, and the stock of one of its skus does not agree.
SELECT 'order ' || b.order_id || ' has a booked payment, but sku ' || a.sku || ' does not agree: ' || a.gone
       || ' units are gone, paid orders have ' || a.units
FROM (SELECT DISTINCT p.order_id FROM payments p WHERE p.state = 'booked') b
JOIN order_lines ol ON ol.order_id = b.order_id
JOIN (
    SELECT s.sku, s.owned - s.on_hand AS gone, COALESCE((
        SELECT SUM(l.units)
        FROM order_lines l
        JOIN orders o ON o.id = l.order_id
        WHERE l.sku = s.sku AND o.status = 'paid'
    ), 0) AS units
    FROM stock s
) a ON a.sku = ol.sku
WHERE a.gone <> a.units

UNION ALL

-- To refund, without its one refund. What else is queued for it, refunds_never_exceed_payments looks at.
SELECT 'payment ' || u.txn_id || ' is to be refunded, but has ' || u.refunds || ' refunds of its amount'
FROM (
    SELECT p.txn_id, (
        SELECT COUNT(*) FROM refunds r
        WHERE r.provider = p.provider AND r.txn_id = p.txn_id AND r.amount_cents = p.amount_cents
    ) AS refunds
    FROM payments p
    WHERE p.state = 'to refund'
) u
WHERE u.refunds <> 1

UNION ALL

-- To refund, and yet the order's own payment.
SELECT 'payment ' || p.txn_id || ' is to be refunded, but order ' || o.id || ' carries its id'
FROM payments p
JOIN orders o ON o.id = p.order_id
WHERE p.state = 'to refund' AND o.txn_id = p.txn_id
GROUP BY p.provider, p.txn_id, o.id

UNION ALL

-- To refund, and booked as well.
SELECT 'payment ' || p.txn_id || ' is to be refunded (' || p.booked_by || ') and booked (' || b.booked_by || ')'
FROM payments p
JOIN payments b ON b.provider = p.provider AND b.txn_id = p.txn_id AND b.kind = p.kind AND b.state = 'booked'
WHERE p.state = 'to refund'

UNION ALL

-- Paid, and no payment in the books.
SELECT 'order ' || o.id || ' is paid, but no payment is booked for it'
FROM orders o
WHERE o.status = 'paid'
  AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.state = 'booked')
