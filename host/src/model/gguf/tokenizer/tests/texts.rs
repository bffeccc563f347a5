//! Texts of every kind, from a seed.

/// Whole texts and parts of texts.
const PARTS: &[&str] = &[
    "the",
    "The model reads its own tokens",
    "I'm",
    "WE'LL",
    "don't",
    "it's",
    "camelCase",
    "HTTPServer",
    "naïve",
    "cafe\u{301}",
    "A\u{30a}ngstrom",
    "Ünïcode",
    "нещо на Български",
    "Ελληνικά",
    "עברית",
    "العربية",
    "हिन्दी",
    "ภาษาไทย",
    "ខ្មែរ",
    "한국어",
    "日本語のテキスト",
    "中文文本",
    "ქართული",
    "Ꭰꮳ",
    "ᏣᎳᎩ",
    "𝔘𝔫𝔦",
    "🚀",
    "👩\u{200d}👩\u{200d}👧",
    "🇩🇪",
    "✅",
    "❤\u{fe0f}",
    "3",
    "33",
    "333",
    "3333333",
    "½",
    "Ⅷ",
    "٣٤",
    "१२३",
    "1,000.50",
    "$€",
    "...",
    "!!!",
    "'''",
    "````",
    "======",
    "/* */",
    "x_1",
    "a.b",
    "->",
    "</",
    "\u{feff}",
    "\u{200b}",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "\u{85}",
    "\u{7f}",
    "\u{0}",
    "\u{1b}[0m",
    "\u{fffd}",
    "\u{e000}",
    "\u{10ffff}",
    "▁",
    "▁▁",
    "Ġ",
    "Ċ",
    "<0x0A>",
    "<0xE2>",
    "<|begin|>",
    "<|end|>",
    "<|end",
    "|>",
    "<think>",
    "</think>",
    "<s>",
    "</s>",
    "<unk>",
    "<|begin|><|end|>",
    "spoken",
    "[INST]",
    "ſ",
    "'ſ",
    "ß",
    "İ",
    "ﬃ",
    "Å",
    "\u{1100}\u{1161}",
    "e\u{301}\u{327}",
];
const SPACES: &[&str] =
    &[" ", "  ", "   ", "        ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\t\t ", "\u{a0} ", "\u{b}", ""];
/// Where single characters are drawn from.
const RANGES: &[(u32, u32)] = &[
    (0x20, 0x7e),
    (0xa1, 0x24f),
    (0x300, 0x36f),
    (0x370, 0x52f),
    (0x590, 0x6ff),
    (0x900, 0x97f),
    (0xe00, 0xe7f),
    (0x2000, 0x206f),
    (0x2190, 0x23ff),
    (0x3040, 0x30ff),
    (0x4e00, 0x9fff),
    (0xac00, 0xd7a3),
    (0xfb00, 0xfdff),
    (0x1f300, 0x1f6ff),
    (0x1d400, 0x1d7ff),
    (0, 0x1f),
];

/// An endless row of texts, the same for the same seed.
pub(super) struct Texts(u64);

impl Texts {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound as u64) as usize
    }

    fn character(&mut self) -> char {
        let (first, last) = RANGES[self.below(RANGES.len())];
        let number = first + self.below((last - first + 1) as usize) as u32;
        char::from_u32(number).unwrap_or('\u{fffd}')
    }
}

impl Iterator for Texts {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        for _ in 0..self.below(9) {
            match self.below(8) {
                0..=2 => text.push_str(PARTS[self.below(PARTS.len())]),
                3 | 4 => text.push_str(SPACES[self.below(SPACES.len())]),
                5 => text.push(self.character()),
                6 => text.extend((0..self.below(6)).map(|_| self.character())),
                _ => {
                    let letters = 1 + self.below(7);
                    text.extend((0..letters).map(|_| char::from(b"etaoinshrdlu TABC09"[self.below(19)])));
                }
            }
        }
        Some(text)
    }
}
