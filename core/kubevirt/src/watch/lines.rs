//! Cutting a stream of bytes into lines of bounded length.

/// Collects pieces of any size until they make lines.
#[derive(Debug)]
pub(super) struct Lines {
    partial: Vec<u8>,
    /// The line being read is too long: it is skipped up to its end.
    skipping: bool,
    longest: usize,
}

/// A line, or what is left of one that was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

impl Lines {
    pub(super) const fn new(longest: usize) -> Self {
        Self { partial: Vec::new(), skipping: false, longest }
    }

    /// Whether what has been taken ends in the middle of a line.
    pub(super) fn is_cut(&self) -> bool {
        self.skipping || !self.partial.is_empty()
    }

    /// Takes a piece and hands out the lines that it completes.
    pub(super) fn push(&mut self, mut data: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = data.split_at(end);
            data = rest.get(1..).unwrap_or_default();
            if self.skipping || self.partial.len().saturating_add(line.len()) > self.longest {
                each(Line::TooLong);
            } else if self.partial.is_empty() {
                each(Line::Whole(line));
            } else {
                self.partial.extend_from_slice(line);
                each(Line::Whole(&self.partial));
            }
            self.skipping = false;
            self.partial.clear();
            // One large event must not keep its memory for as long as the stream lasts.
            self.partial.shrink_to(KEPT);
        }
        if self.skipping || self.partial.len().saturating_add(data.len()) > self.longest {
            self.skipping = true;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(data);
        }
    }
}

/// The buffer that is kept from line to line: as much as a usual event needs.
const KEPT: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(longest: usize, pieces: &[&[u8]]) -> Vec<Option<String>> {
        let mut lines = Lines::new(longest);
        let mut seen = Vec::new();
        for piece in pieces {
            lines.push(piece, |line| {
                seen.push(match line {
                    Line::Whole(line) => Some(String::from_utf8_lossy(line).into_owned()),
                    Line::TooLong => None,
                });
            });
        }
        seen
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let expected = vec![Some("ab".to_owned()), None, Some(String::new()), Some("cd".to_owned())];
        assert_eq!(cut(4, &[b"ab\nxxxxx\n\ncd\nrest"]), expected);
        assert_eq!(cut(4, &[b"a", b"b\nx", b"xxx", b"x", b"yyyyyyyy", b"\n\nc", b"d", b"\n"]), expected);
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_makes_no_difference(
            text in "[ab\n]{0,60}", cuts in prop::collection::vec(0_usize..60, 0..8), longest in 0_usize..8,
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(cut(longest, &pieces), cut(longest, &[bytes]));
        }
    }
}
