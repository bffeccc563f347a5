//! What most want.

/// The vote that most gave, and how many did; of equals the first given.
///
/// ```
/// use plan_shared::majority;
///
/// assert_eq!(majority(&[1, 2, 2]), Some((&2, 2)));
/// assert_eq!(majority(&[3, 1, 2]), Some((&3, 1)));
/// assert_eq!(majority::<u32>(&[]), None);
/// ```
#[must_use]
pub fn majority<T: PartialEq>(votes: &[T]) -> Option<(&T, usize)> {
    let count = |vote: &T| votes.iter().filter(|other| *other == vote).count();
    // `max_by_key` keeps the last of equals.
    let most = votes.iter().rev().max_by_key(|vote| count(vote))?;
    Some((most, count(most)))
}
