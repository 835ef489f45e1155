-- At rest: a paid order has exactly one message id, in the outbox or at the mail server. The server may see it twice.
-- Without world_mails the outbox alone is looked at.

SELECT 'the buyer of order ' || m.id || ' has ' || m.mails || ' mails' AS violation
FROM (
    SELECT o.id, (
        SELECT COUNT(DISTINCT sent.message_id)
        FROM (
            SELECT message_id, order_id FROM outbox
            UNION
            SELECT message_id, order_id FROM world_mails
        ) sent
        WHERE sent.order_id = o.id
    ) AS mails
    FROM orders o
    WHERE o.status = 'paid'
) m
WHERE m.mails <> 1
