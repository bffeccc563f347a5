//! Cutting what a block sees into tiles.

use std::num::NonZeroU32;
use std::ops::Range;

use super::{Block, Span};

/// Indices of a tile: message indices `n * TILE` up to `(n + 1) * TILE`.
///
/// It is part of the order of sums, so of every result's bits. A multiple of
/// eight, and of the register tiles' columns; keys and values of one head then
/// stay in the first-level cache.
pub(super) const TILE: usize = 48;

/// Up to [`TILE`] neighbouring tokens of one placed message, wherever they lie.
pub(super) struct Tile {
    pub(super) offset: i32,
    /// Index inside the message of the first token.
    pub(super) index: u32,
    /// Which of [`Tiles::slots`].
    pub(super) slots: Range<usize>,
}

impl Tile {
    /// Where the call places the first token.
    pub(super) fn position(&self) -> i64 {
        i64::from(self.offset) + i64::from(self.index)
    }
}

/// The tiles of one block that its rows see, in the order in which they are
/// summed.
#[derive(Default)]
pub(super) struct Tiles {
    slots: Vec<u32>,
    tiles: Vec<Tile>,
    /// Tiles from this one on are of the rows' own message.
    own_from: usize,
}

impl Tiles {
    pub(super) fn of(block: &Block, spans: &[Span], window: Option<NonZeroU32>) -> Self {
        let first_row = i64::from(block.offset) + i64::from(block.first_index);
        let from = window.map_or(i64::MIN, |window| first_row + 1 - i64::from(window.get()));
        let mut tiles = Self::default();
        tiles.extend(&spans[block.seen.clone()], from);
        tiles.own_from = tiles.tiles.len();
        tiles.extend(&spans[block.own.clone()], from);
        tiles
    }

    /// How many tokens there are.
    pub(super) fn tokens(&self) -> usize {
        self.slots.len()
    }

    /// The slots of a tile.
    pub(super) fn slots(&self, tile: &Tile) -> &[u32] {
        &self.slots[tile.slots.clone()]
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.tiles.len()
    }

    /// How many tiles, from the first on, are another's as well, and seen in the same way.
    pub(super) fn common(&self, other: &Self) -> usize {
        let same = |(one, two): &(&Tile, &Tile)| {
            (one.offset, one.index) == (two.offset, two.index) && self.slots(one) == other.slots(two)
        };
        let common = self.tiles.iter().zip(&other.tiles).take_while(same).count();
        if self.own_from == other.own_from { common } else { common.min(self.own_from).min(other.own_from) }
    }

    /// Of some tiles, those of which a row sees what its window holds, and those of the
    /// rows' own message, of which a row sees nothing after itself.
    pub(super) fn split(&self, some: Range<usize>) -> (&[Tile], &[Tile]) {
        let own = self.own_from.clamp(some.start, some.end);
        (&self.tiles[some.start..own], &self.tiles[own..some.end])
    }

    /// Appends spans, but for tiles wholly before the position `from`. What
    /// opens a tile is told by index and offset alone: how a message is cut into
    /// spans makes no difference.
    fn extend(&mut self, spans: &[Span], from: i64) {
        // Offset of the placed message, and the index after its last token.
        let mut open: Option<(i32, u32)> = None;
        for span in spans.iter().filter(|span| span.len > 0) {
            let continues =
                span.index > 0 && open.is_some_and(|(offset, next)| offset == span.offset && next == span.index);
            let mut tile = open.filter(|_| continues).map(|(_, next)| (next - 1) / TILE as u32);
            let (mut slot, mut index) = (span.slot, span.index);
            let end = span.index + span.len;
            while index < end {
                let number = index / TILE as u32;
                let tile_end = (u64::from(number) + 1) * TILE as u64;
                let run = (u64::from(end).min(tile_end) - u64::from(index)) as u32;
                if i64::from(span.offset) + tile_end as i64 > from {
                    if tile != Some(number) {
                        tile = Some(number);
                        self.tiles.push(Tile { offset: span.offset, index, slots: self.slots.len()..self.slots.len() });
                    }
                    self.slots.extend(slot..slot + run);
                    if let Some(last) = self.tiles.last_mut() {
                        last.slots.end = self.slots.len();
                    }
                }
                slot += run;
                index += run;
            }
            open = Some((span.offset, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{Block, Span, Tiles};

    fn cut(seen: &[(u32, u32, i32)]) -> Vec<(u32, usize)> {
        cut_at(0, None, seen)
    }

    fn cut_at(offset: i32, window: Option<u32>, seen: &[(u32, u32, i32)]) -> Vec<(u32, usize)> {
        let spans: Vec<Span> = seen.iter().map(|&(index, len, offset)| Span { slot: 0, index, len, offset }).collect();
        let block = Block { rows: 0..0, first_index: 0, offset, seen: 0..spans.len(), own: 0..0 };
        let tiles = Tiles::of(&block, &spans, window.and_then(NonZeroU32::new));
        tiles.split(0..tiles.count()).0.iter().map(|tile| (tile.index, tile.slots.len())).collect()
    }

    #[test]
    fn tiles_are_cut_by_index_not_by_span() {
        let whole = cut(&[(0, 100, 7)]);
        assert_eq!(whole, [(0, 48), (48, 48), (96, 4)]);
        assert_eq!(cut(&[(0, 1, 7), (1, 0, 7), (1, 60, 7), (61, 39, 7)]), whole);
    }

    #[test]
    fn a_placed_message_begins_its_own_tile() {
        // The same message twice, even at one offset; another one; a gap.
        assert_eq!(cut(&[(0, 3, 0), (0, 3, 0)]), [(0, 3), (0, 3)]);
        assert_eq!(cut(&[(0, 3, 0), (3, 3, 9)]), [(0, 3), (3, 3)]);
        assert_eq!(cut(&[(0, 3, 0), (5, 3, 0)]), [(0, 3), (5, 3)]);
        assert_eq!(cut(&[(50, 3, 0), (49, 3, 0)]), [(50, 3), (49, 3)]);
    }

    #[test]
    fn tiles_before_the_window_are_left_out() {
        // A row at 147 with a window of 100 sees positions 48 to 147.
        assert_eq!(cut_at(147, Some(100), &[(0, 20, 0), (20, 80, 0)]), [(48, 48), (96, 4)]);
        assert_eq!(cut_at(146, Some(100), &[(0, 100, 0)]).len(), 3);
        assert_eq!(cut_at(147, Some(100), &[(0, 100, 1)]).len(), 3);
        assert_eq!(cut_at(147, Some(1), &[(0, 100, 0)]), []);
    }
}
