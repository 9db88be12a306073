//! Names that look like what a user typed.

/// Returns at most three of the names that a user may have meant: those that contain the typed text
/// or are contained in it, and those that differ in at most two letters.
pub fn similar<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    const MOST: usize = 3;
    let typed = typed.to_lowercase();
    let alike = |name: &str| {
        let name = name.to_lowercase();
        name.contains(&typed)
            || typed.contains(&name)
            || distance(&typed, &name) <= 2.min(typed.len() / 2)
    };
    names.filter(|name| alike(name)).take(MOST).map(str::to_owned).collect()
}

/// Returns the edit distance (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, &right) in right.iter().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_names_are_offered() {
        let names = ["shop-web-1", "db", "wep", "queue"];
        assert_eq!(similar("web", names.into_iter()), ["shop-web-1", "wep"]);
        assert_eq!(similar("databse", ["database"].into_iter()), ["database"]);
        assert!(similar("x", ["db"].into_iter()).is_empty());
    }
}
