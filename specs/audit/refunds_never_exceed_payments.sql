-- What is queued to go back is never more than what came in, summed for each payment.

SELECT 'payment ' || g.txn_id || ' of ' || g.paid_cents || ' has refunds of ' || g.refunded_cents AS violation
FROM (
    SELECT r.provider, r.txn_id, SUM(r.amount_cents) AS refunded_cents, COALESCE((
        -- Rows that were booked twice are still one payment.
        SELECT MAX(p.amount_cents) FROM payments p WHERE p.provider = r.provider AND p.txn_id = r.txn_id
    ), 0) AS paid_cents
    FROM refunds r
    GROUP BY r.provider, r.txn_id
) g
WHERE g.refunded_cents > g.paid_cents
