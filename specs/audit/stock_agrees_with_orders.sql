-- At rest: the units gone are the units of the orders that are paid.

SELECT 'sku ' || a.sku || ' does not agree with the orders: ' || a.gone || ' units are gone, paid orders have '
       || a.units AS violation
FROM (
    SELECT s.sku, s.owned - s.on_hand AS gone, COALESCE((
        SELECT SUM(l.units)
        FROM order_lines l
        JOIN orders o ON o.id = l.order_id
        WHERE l.sku = s.sku AND o.status = 'paid'
    ), 0) AS units
    FROM stock s
) a
WHERE a.gone <> a.units

UNION ALL

SELECT 'sku ' || l.sku || ' does not agree with the orders: paid orders have ' || SUM(l.units)
       || ' units, and the shop has no such stock'
FROM order_lines l
JOIN orders o ON o.id = l.order_id
LEFT JOIN stock s ON s.sku = l.sku
WHERE o.status = 'paid' AND s.sku IS NULL
GROUP BY l.sku
