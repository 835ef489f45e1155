-- Never two actors inside the same protected section. A stay lasts from the step that began it up to, and without, the
-- step that ended it.
-- Needs world_holds: who believed to be alone, no shop's table knows.

SELECT a.actor || ' and ' || b.actor || ' were both inside ' || a.section || ': ' || a.actor || ' from step '
       || a.from_step || ', ' || b.actor || ' from step ' || b.from_step AS violation
FROM world_holds a
JOIN world_holds b ON b.section = a.section AND b.actor > a.actor
WHERE (a.to_step IS NULL OR (a.to_step > b.from_step AND a.to_step > a.from_step))
  AND (b.to_step IS NULL OR (b.to_step > a.from_step AND b.to_step > b.from_step))
