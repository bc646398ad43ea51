//! An address as a QR code, for the camera of a phone in front of a terminal.

use fast_qr::ECL;
use fast_qr::qr::{QRBuilder, QRCode};

/// Light modules around the code, without which cameras do not find it.
const QUIET: usize = 4;

/// Black on white by the fixed colours of 256: a code in the colours of a dark terminal would be inverted, which not
/// every phone reads.
const COLOURS: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// The lines of a code, which are so many columns wide.
pub struct Drawing {
    /// With the sequences that colour them.
    pub lines: Vec<String>,
    /// Columns of each.
    pub width: usize,
}

/// Draws a text, two modules in one character; nothing if it is too long for a code.
pub fn draw(text: &str) -> Option<Drawing> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let width = code.size + 2 * QUIET;
    let line = |row: usize| {
        let blocks = (0..width).map(|column| {
            match (is_dark(&code, row, column), is_dark(&code, row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }
        });
        format!("{COLOURS}{}{RESET}", blocks.collect::<String>())
    };
    Some(Drawing { lines: (0..width).step_by(2).map(line).collect(), width })
}

/// A module, counted from the corner of the margin.
fn is_dark(code: &QRCode, row: usize, column: usize) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.size);
    match (inside(row), inside(column)) {
        (Some(row), Some(column)) => code[row][column].value(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_margin_on_all_sides() {
        let drawing = draw("https://192.168.1.20:8443/setup#AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert!(drawing.width <= 80, "{}", drawing.width);
        let rows: Vec<Vec<char>> = drawing
            .lines
            .iter()
            .map(|line| {
                line.strip_prefix(COLOURS).unwrap().strip_suffix(RESET).unwrap().chars().collect()
            })
            .collect();
        assert!(rows.iter().all(|row| row.len() == drawing.width));
        assert_eq!(rows.len(), drawing.width.div_ceil(2));
        let module = |row: usize, column: usize| match rows[row / 2][column] {
            '█' => true,
            '▀' => row.is_multiple_of(2),
            '▄' => row % 2 == 1,
            _ => false,
        };
        let size = drawing.width - 2 * QUIET;
        for (top, left) in [(0, 0), (0, size - 7), (size - 7, 0)] {
            for (row, column) in (0..7).flat_map(|row| (0..7).map(move |column| (row, column))) {
                let ring = [row, column, 6 - row, 6 - column].into_iter().min();
                assert_eq!(
                    module(QUIET + top + row, QUIET + left + column),
                    ring != Some(1),
                    "{row} {column}"
                );
            }
        }
        let margin = |at: usize| !(QUIET..QUIET + size).contains(&at);
        for (row, column) in
            (0..drawing.width).flat_map(|row| (0..drawing.width).map(move |column| (row, column)))
        {
            assert!(!module(row, column) || !(margin(row) || margin(column)), "{row} {column}");
        }
    }

    #[test]
    fn what_no_code_can_hold_is_not_drawn() {
        assert!(draw(&"x".repeat(10_000)).is_none());
    }
}
