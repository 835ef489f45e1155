//! The matrix: claims downwards, protocols across. It is a Markdown table, so that it can stand in a document as printed.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use paidonce_model::Claim;

use super::Row;

/// What the cells mean.
pub(crate) const LEGEND: &str = "✓ holds in every state within the bounds; ✗ n broken, by a shortest schedule of n steps; \
    – cannot arise; ? undecided";

/// A matrix of rows. A cell is the worst verdict of all its rows.
pub(crate) struct Matrix<'a> {
    /// The columns: a title, and the rows that count for it.
    columns: Vec<(String, Vec<&'a Row>)>,
}

impl<'a> Matrix<'a> {
    /// The protocols that handle every notice of their scenario.
    pub(crate) fn of_protocols(rows: &'a [Row]) -> Self {
        Self::of(rows, |row| if beside(row).is_empty() { Some(row.protocol.clone()) } else { None })
    }

    /// The mixed code of a roll-out: a protocol beside others.
    pub(crate) fn of_mixtures(rows: &'a [Row]) -> Self {
        Self::of(rows, |row| {
            let beside = beside(row);
            if beside.is_empty() { None } else { Some(format!("{} + {}", row.protocol, beside.join(" + "))) }
        })
    }

    /// Every protocol, whoever is beside it.
    pub(crate) fn of_one_scenario(rows: &'a [Row]) -> Self {
        Self::of(rows, |row| Some(row.protocol.clone()))
    }

    /// The columns, in the order in which their titles first come, but protocols in the order of the catalogue.
    fn of(rows: &'a [Row], title: impl Fn(&Row) -> Option<String>) -> Self {
        let mut columns: Vec<(String, Vec<&Row>)> = Vec::new();
        for row in rows {
            let Some(title) = title(row) else { continue };
            match columns.iter_mut().find(|(known, _)| *known == title) {
                Some((_, rows)) => rows.push(row),
                None => columns.push((title, vec![row])),
            }
        }
        let place =
            |title: &str| paidonce_protocol::catalogue::PROTOCOLS.iter().position(|protocol| protocol.name == title);
        columns.sort_by_key(|(title, _)| place(title));
        Matrix { columns }
    }

    /// As a Markdown table.
    pub(crate) fn drawn(&self) -> String {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(std::iter::once("claim").chain(self.columns.iter().map(|(title, _)| title.as_str())));
        for claim in Claim::ALL {
            let cells: Vec<Option<String>> = self.columns.iter().map(|(_, rows)| cell(rows, claim.name())).collect();
            if cells.iter().any(Option::is_some) {
                let cells = cells.into_iter().map(Option::unwrap_or_default);
                table.add_row(std::iter::once(claim.name().to_owned()).chain(cells));
            }
        }
        table.trim_fmt()
    }
}

/// The protocols that handle some of the requests in place of the one that is checked.
fn beside(row: &Row) -> Vec<&str> {
    let mut beside: Vec<&str> = row.bounds.actors.values().filter_map(|actor| actor.protocol.as_deref()).collect();
    beside.sort_unstable();
    beside.dedup();
    beside
}

/// The worst verdict, or nothing where the claim was not asked for.
fn cell(rows: &[&Row], claim: &str) -> Option<String> {
    let of_claim = || rows.iter().filter(|row| row.claim == claim);
    if let Some(steps) = of_claim().filter_map(|row| row.steps).min() {
        return Some(format!("✗ {steps}"));
    }
    for (verdict, sign) in [("violated", "✗"), ("undecided", "?"), ("holds", "✓"), ("not applicable", "–")] {
        if of_claim().any(|row| row.verdict == verdict) {
            return Some(sign.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::row;
    use super::*;

    #[test]
    fn a_cell_is_the_worst_verdict_with_its_shortest_schedule() {
        let claim = "the_buyer_is_mailed_once";
        let rows = [row("unlocked", claim, Some(9)), row("settle", claim, None), row("unlocked", claim, Some(7))];
        let expected = "\
            | claim                    | unlocked | settle |\n\
            |--------------------------|----------|--------|\n\
            | the_buyer_is_mailed_once | ✗ 7      | ✓      |";
        assert_eq!(Matrix::of_protocols(&rows).drawn(), expected);
    }

    #[test]
    fn mixed_code_has_a_matrix_of_its_own() {
        let mut mixed = row("settle", "the_buyer_is_mailed_once", Some(3));
        for actor in mixed.bounds.actors.values_mut() {
            actor.protocol = Some("unlocked".to_owned());
        }
        let rows = [mixed, row("settle", "the_buyer_is_mailed_once", None)];
        assert!(Matrix::of_protocols(&rows).drawn().contains('✓'));
        let mixtures = Matrix::of_mixtures(&rows).drawn();
        assert!(mixtures.contains("settle + unlocked") && mixtures.contains("✗ 3"), "{mixtures}");
    }
}
