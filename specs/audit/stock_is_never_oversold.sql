-- On hand never falls below zero, and units promised never exceed units owned.

SELECT 'sku ' || s.sku || ' was oversold: ' || s.on_hand || ' on hand' AS violation
FROM stock s
WHERE s.on_hand < 0

UNION ALL

SELECT 'sku ' || p.sku || ' was oversold: paid orders have ' || p.units || ' units of the ' || COALESCE(s.owned, 0)
       || ' that the shop owned'
FROM (
    SELECT l.sku, SUM(l.units) AS units
    FROM order_lines l
    JOIN orders o ON o.id = l.order_id
    WHERE o.status = 'paid'
    GROUP BY l.sku
) p
LEFT JOIN stock s ON s.sku = p.sku
WHERE p.units > COALESCE(s.owned, 0)
