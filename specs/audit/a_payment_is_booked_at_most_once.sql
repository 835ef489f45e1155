-- No gateway payment has two booked rows, and no order's paid amount counts one twice.
-- One row a violation. `||` joins text: MariaDB needs sql_mode = PIPES_AS_CONCAT.

-- One payment, several booked rows.
SELECT 'order ' || MIN(p.order_id) || ' was booked '
       || CASE COUNT(*) WHEN 2 THEN 'twice' ELSE COUNT(*) || ' times' END
       || ': payment ' || p.txn_id || ' by ' || MIN(p.booked_by) || ' and by ' || MAX(p.booked_by) AS violation
FROM payments p
WHERE p.state = 'booked'
GROUP BY p.provider, p.txn_id, p.kind
HAVING COUNT(*) > 1

UNION ALL

-- An order that counts more than its payments come to, each of them once.
SELECT 'order ' || o.id || ' counts ' || o.paid_cents || ' as paid, but its payments come to ' || o.booked_cents
FROM (
    SELECT orders.id, orders.paid_cents, COALESCE((
        SELECT SUM(once.amount_cents)
        FROM (
            SELECT p.order_id, p.provider, p.txn_id, p.kind, MAX(p.amount_cents) AS amount_cents
            FROM payments p
            WHERE p.state = 'booked'
            GROUP BY p.order_id, p.provider, p.txn_id, p.kind
        ) once
        WHERE once.order_id = orders.id
    ), 0) AS booked_cents
    FROM orders
) o
WHERE o.paid_cents > o.booked_cents
