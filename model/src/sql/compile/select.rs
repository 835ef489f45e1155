//! Reads: a statement's own, its sub-selects, the source of an `INSERT`.

use paidonce_protocol::Dialect;
use sqlparser::ast::{
    Expr, GroupByExpr, LimitClause, LockClause, LockType, NonBlock, OrderBy, OrderByKind, OrderBySort, Query,
    Select as Ast, SelectItem, SetExpr, Value as Literal,
};

use super::scalar::has_aggregate;
use super::{Access, Compiler, Kind, Path, Scalar, Scope, Select, SqlError, Typed};
use crate::sql::plan::{Locking, OnLocked, Output, Strength, is_total};
use crate::sql::schema::Table;

impl Compiler<'_> {
    /// A read, and what each of its columns holds.
    pub(super) fn select(&mut self, query: &Query) -> Result<(Select, Vec<Option<Kind>>), SqlError> {
        self.without([
            ("WITH", query.with.is_some()),
            ("FETCH", query.fetch.is_some()),
            ("FOR", query.for_clause.is_some()),
            ("SETTINGS", query.settings.is_some()),
            ("FORMAT", query.format_clause.is_some()),
            ("|>", !query.pipe_operators.is_empty()),
        ])?;
        let select = match query.body.as_ref() {
            SetExpr::Select(select) => select,
            SetExpr::SetOperation { op, .. } => return self.no(op),
            other => return self.no(other),
        };
        let number = self.select_table(select)?;
        let table = number.map(|number| self.definition(number));
        let scope = table.map_or(Scope::Nothing, Scope::Row);
        let (output, kinds) = self.output(select, scope)?;
        if !query.locks.is_empty() && !self.inside && !self.subs.is_empty() {
            return self.no(format!("{query} (a sub-select among the columns of a locking read)"));
        }
        let filter = self.filter(select.selection.as_ref(), scope)?;
        let totals = matches!(output, Output::Totals { .. });
        let order = self.order(query.order_by.as_ref(), table)?;
        let limit = self.limit(query.limit_clause.as_ref())?;
        let locks = self.locks(&query.locks)?;
        let Some(table) = table else {
            if totals || limit.is_some() || locks.is_some() || !order.is_empty() {
                return self.no(format!("{query} (without FROM)"));
            }
            let access = Access { path: Path::Whole, scope: None };
            let select = Select { table: None, output, filter, order, limit, locks, access, is_ordered: true };
            return Ok((select, kinds));
        };
        if totals && (limit.is_some() || !order.is_empty()) {
            return self.no(format!("{query} (ORDER BY or LIMIT of an aggregate, which is one row)"));
        }
        if totals && locks.is_some() && self.dialect == Dialect::Postgres {
            return self.fail(format!("`{query}`: PostgreSQL locks no rows for an aggregate (0A000); lock them first"));
        }
        let access = Access::of(table, filter.as_ref());
        let is_ordered = totals || access.path.is_single() || is_total(table, filter.as_ref(), &order);
        if let Some(limit) = limit
            && !is_ordered
        {
            return self.fail(format!(
                "`LIMIT {limit}` leaves open which rows it takes; add ORDER BY with all columns of a key"
            ));
        }
        Ok((Select { table: number, output, filter, order, limit, locks, access, is_ordered }, kinds))
    }

    /// A sub-select of one column: its number, and what the column holds.
    pub(super) fn sub_select(&mut self, query: &Query) -> Result<(usize, Option<Kind>), SqlError> {
        let (number, kinds) = self.sub_rows(query)?;
        match kinds.as_slice() {
            [kind] => Ok((number, *kind)),
            _ => self.no(format!("{query} (several columns in a sub-select)")),
        }
    }

    /// A sub-select of any columns: its number, and what they hold.
    pub(super) fn sub_rows(&mut self, query: &Query) -> Result<(usize, Vec<Option<Kind>>), SqlError> {
        if self.inside {
            return self.no(format!("{query} (a sub-select inside a sub-select)"));
        }
        self.inside = true;
        let aggregates = self.aggregates.take();
        let compiled = self.select(query);
        self.inside = false;
        self.aggregates = aggregates;
        let (select, kinds) = compiled?;
        if select.table.is_none() {
            return self.no(format!("{query} (without FROM)"));
        }
        self.subs.push(select);
        Ok((self.subs.len() - 1, kinds))
    }

    fn select_table(&self, select: &Ast) -> Result<Option<usize>, SqlError> {
        let grouped =
            !matches!(&select.group_by, GroupByExpr::Expressions(by, with) if by.is_empty() && with.is_empty());
        self.without([
            ("GROUP BY", grouped),
            ("DISTINCT", select.distinct.is_some()),
            ("HAVING", select.having.is_some()),
            ("INTO", select.into.is_some()),
            ("TOP", select.top.is_some()),
            ("EXCLUDE", select.exclude.is_some()),
            ("PREWHERE", select.prewhere.is_some()),
            ("QUALIFY", select.qualify.is_some()),
            ("WINDOW", !select.named_window.is_empty()),
            ("LATERAL VIEW", !select.lateral_views.is_empty()),
            ("CONNECT BY", !select.connect_by.is_empty()),
            ("CLUSTER BY", !select.cluster_by.is_empty()),
            ("DISTRIBUTE BY", !select.distribute_by.is_empty()),
            ("SORT BY", !select.sort_by.is_empty()),
        ])?;
        match select.from.as_slice() {
            [] => Ok(None),
            [from] => self.plain_table(from).map(Some),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                self.no(format!("FROM {}", names.join(", ")))
            }
        }
    }

    fn output(&mut self, select: &Ast, scope: Scope<'_>) -> Result<(Output, Vec<Option<Kind>>), SqlError> {
        let is_total = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(inner) if has_aggregate(inner));
        let totals = select.projection.iter().any(is_total);
        if totals {
            self.aggregates = Some(Vec::new());
        }
        let columns = self.columns(select, scope);
        let aggregates = self.aggregates.take();
        let (columns, kinds): (Vec<Scalar>, Vec<Option<Kind>>) = columns?.into_iter().unzip();
        Ok(match aggregates {
            Some(all) if totals => {
                (Output::Totals { aggregates: all.into_iter().map(|(one, _)| one).collect(), columns }, kinds)
            }
            _ => (Output::Rows(columns), kinds),
        })
    }

    fn columns(&mut self, select: &Ast, scope: Scope<'_>) -> Result<Vec<Typed>, SqlError> {
        let mut columns = Vec::new();
        for item in &select.projection {
            match (item, scope) {
                (SelectItem::UnnamedExpr(expression), _) => columns.push(self.scalar(expression, scope)?),
                (SelectItem::Wildcard(_), Scope::Row(table))
                    if item.to_string() == "*" && self.aggregates.is_none() =>
                {
                    columns.extend(
                        table.kinds.iter().enumerate().map(|(column, kind)| (Scalar::Column(column), Some(*kind))),
                    );
                }
                _ => return self.no(item),
            }
        }
        if columns.is_empty() { self.fail(format!("`{select}` shows no column; name one")) } else { Ok(columns) }
    }

    fn order(&self, by: Option<&OrderBy>, table: Option<&Table>) -> Result<Vec<(usize, bool)>, SqlError> {
        let Some(by) = by else { return Ok(Vec::new()) };
        let (OrderByKind::Expressions(parts), None, Some(table)) = (&by.kind, &by.interpolate, table) else {
            return self.no(by);
        };
        let mut order = Vec::new();
        for part in parts {
            let (Expr::Identifier(name), None) = (&part.expr, &part.with_fill) else { return self.no(part) };
            let descending = match (&part.options.sort, part.options.nulls_first) {
                (None | Some(OrderBySort::Asc), None) => false,
                (Some(OrderBySort::Desc), None) => true,
                _ => return self.no(part),
            };
            order.push((self.column(table, name)?, descending));
        }
        Ok(order)
    }

    fn limit(&self, clause: Option<&LimitClause>) -> Result<Option<usize>, SqlError> {
        match clause {
            None => Ok(None),
            Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), offset: None, limit_by })
                if limit_by.is_empty() =>
            {
                let number = match &value.value {
                    Literal::Number(digits, _) => digits.parse().ok(),
                    _ => None,
                };
                if number.is_some() { Ok(number) } else { self.no(format!("LIMIT {value} (which is no constant)")) }
            }
            Some(other) => self.no(other),
        }
    }

    fn locks(&self, clauses: &[LockClause]) -> Result<Option<Locking>, SqlError> {
        match clauses {
            [] => Ok(None),
            [LockClause { lock_type, of: None, nonblock }] => Ok(Some(Locking {
                strength: match lock_type {
                    LockType::Update => Strength::Update,
                    LockType::Share => Strength::Share,
                },
                wait: match nonblock {
                    None => OnLocked::Wait,
                    Some(NonBlock::SkipLocked) => OnLocked::Skip,
                    Some(NonBlock::Nowait) => OnLocked::Fail,
                },
            })),
            [lock, ..] => self.no(lock),
        }
    }
}
