//! How large lists grow.

/// Makes room for one more, by a quarter, not by doubling: lists whose capacity counts as memory in use
/// must not take a large part of what may be used at once.
pub(crate) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 16);
    }
}
