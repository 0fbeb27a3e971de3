//! Digits as people write them: of every script, in full width, in circles, raised.

/// Where the ten digits of a script begin: Unicode's general category Nd, as of Unicode 17. They follow one another.
const ZEROS: [u32; 75] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136,
    0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0,
    0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/// Digits with a form around them, and those that Chinese writes numbers with: from zero to nine, two of each at most.
const STYLES: [[&str; 10]; 12] = [
    ["⓪", "①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨"],
    ["⓿", "❶", "❷", "❸", "❹", "❺", "❻", "❼", "❽", "❾"],
    ["🄋", "➀", "➁", "➂", "➃", "➄", "➅", "➆", "➇", "➈"],
    ["🄌", "➊", "➋", "➌", "➍", "➎", "➏", "➐", "➑", "➒"],
    ["", "⓵", "⓶", "⓷", "⓸", "⓹", "⓺", "⓻", "⓼", "⓽"],
    ["", "⑴", "⑵", "⑶", "⑷", "⑸", "⑹", "⑺", "⑻", "⑼"],
    ["🄀", "⒈", "⒉", "⒊", "⒋", "⒌", "⒍", "⒎", "⒏", "⒐"],
    ["🄁", "🄂", "🄃", "🄄", "🄅", "🄆", "🄇", "🄈", "🄉", "🄊"],
    ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"],
    ["₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"],
    ["〇零", "一", "二", "三", "四", "五", "六", "七", "八", "九"],
    ["", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"],
];

/// Returns the value of a digit, 0 to 9, and the style it is written in: a number for each.
pub(crate) fn digit_value(letter: char) -> Option<(u8, u32)> {
    if letter.is_ascii() {
        return letter.is_ascii_digit().then(|| (letter as u8 - b'0', ZEROS[0]));
    }
    let code = u32::from(letter);
    let zero = ZEROS[ZEROS.partition_point(|zero| *zero <= code) - 1];
    if code - zero < 10 {
        return Some(((code - zero) as u8, zero));
    }
    STYLED.binary_search_by_key(&letter, |(digit, ..)| *digit).ok().map(|place| (STYLED[place].1, STYLED[place].2))
}

/// The digits of `STYLES` in order, with value and style.
static STYLED: std::sync::LazyLock<Vec<(char, u8, u32)>> = std::sync::LazyLock::new(|| {
    let mut styled: Vec<_> = (0..)
        .zip(&STYLES)
        .flat_map(|(style, digits)| (0..).zip(digits).map(move |(value, forms)| (style, value, forms)))
        .flat_map(|(style, value, forms)| forms.chars().map(move |form| (form, value, style)))
        .collect();
    styled.sort_unstable();
    styled
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_ten() {
        for zero in ZEROS {
            for value in 0..10 {
                let letter = char::from_u32(zero + value).unwrap();
                assert_eq!(digit_value(letter), Some((value as u8, zero)));
                assert!(letter.is_numeric() || !letter.is_alphabetic(), "{letter}");
            }
        }
        assert!(ZEROS.windows(2).all(|pair| pair[1] - pair[0] >= 10));
    }

    #[test]
    fn styles_have_their_values() {
        for (letter, value) in [('①', 1), ('⓪', 0), ('⑨', 9), ('❷', 2), ('⁰', 0), ('²', 2), ('零', 0), ('玖', 9)]
        {
            assert_eq!(digit_value(letter).map(|(value, _)| value), Some(value), "{letter}");
        }
        for letter in ['十', 'a', '⑩', 'é', '茶', '½', '\u{10ffff}'] {
            assert_eq!(digit_value(letter), None, "{letter}");
        }
    }
}
