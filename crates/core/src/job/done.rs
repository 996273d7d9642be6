//! The set of a job's chunks that are done, as ranges.

use serde::{Deserialize, Serialize};

/// A set of chunk indices, as ranges. At most a release window of indices is missing below the highest, so there are
/// few ranges even for thousands of chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DoneSet {
    /// Start and exclusive end of each range: ascending, disjoint and not adjacent.
    ranges: Vec<(u32, u32)>,
}

impl DoneSet {
    /// The number of chunks in the set.
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|(start, end)| end - start).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether `index` is in the set.
    pub fn contains(&self, index: u32) -> bool {
        let position = self.ranges.partition_point(|&(_, end)| end <= index);
        self.ranges.get(position).is_some_and(|&(start, _)| start <= index)
    }

    /// Adds `index`; `false` where it was in the set already.
    pub fn insert(&mut self, index: u32) -> bool {
        if self.contains(index) {
            return false;
        }
        let position = self.ranges.partition_point(|&(_, end)| end < index);
        match self.ranges.get_mut(position) {
            Some(range) if range.1 == index => range.1 += 1,
            Some(range) if range.0 == index + 1 => range.0 = index,
            _ => self.ranges.insert(position, (index, index + 1)),
        }
        if let Some(&(next_start, next_end)) = self.ranges.get(position + 1)
            && self.ranges[position].1 == next_start
        {
            self.ranges[position].1 = next_end;
            self.ranges.remove(position + 1);
        }
        true
    }

    /// The indices below `end` that are not in the set, ascending.
    pub fn missing_below(&self, end: u32) -> Vec<u32> {
        let mut missing = Vec::new();
        let mut next = 0;
        for &(start, stop) in &self.ranges {
            missing.extend(next..start.min(end));
            next = stop;
        }
        missing.extend(next.min(end)..end);
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::DoneSet;

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds(indices in proptest::collection::vec(0u32..40, 0..60)) {
            let (mut done, mut plain) = (DoneSet::default(), BTreeSet::new());
            for index in indices {
                prop_assert_eq!(done.insert(index), plain.insert(index));
                prop_assert_eq!(done.len() as usize, plain.len());
                for end in [0, 7, 40, 41] {
                    let missing: Vec<u32> = (0..end).filter(|index| !plain.contains(index)).collect();
                    prop_assert_eq!(done.missing_below(end), missing);
                }
                prop_assert!(done.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
                prop_assert!((0..41).all(|index| done.contains(index) == plain.contains(&index)));
            }
        }
    }
}
