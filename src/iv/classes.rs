//! Which classes of variables there are.
//!
//! CaRT knows callbacks by their place in an array, which every rank must build alike. So a set of callbacks keeps
//! its place once it has one, and classes that share callbacks share the place.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The registered classes: `Ops` are CaRT's callbacks of a class, `Class` is what is kept of it.
pub struct Classes<Ops, Class> {
    places: Vec<Ops>,
    by_id: HashMap<u32, Class>,
}

/// A class of that id is registered.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken;

impl<Ops: Copy + PartialEq, Class: Copy> Classes<Ops, Class> {
    /// No classes.
    pub fn new() -> Self {
        Classes { places: Vec::new(), by_id: HashMap::new() }
    }

    /// Registers the class `id`, which `make` makes of the place of its callbacks.
    pub fn register<E: From<Taken>>(
        &mut self,
        id: u32,
        ops: Ops,
        make: impl FnOnce(usize) -> Result<Class, E>,
    ) -> Result<(), E> {
        let Entry::Vacant(vacant) = self.by_id.entry(id) else { return Err(Taken.into()) };
        let known = self.places.iter().position(|&known| known == ops);
        vacant.insert(make(known.unwrap_or(self.places.len()))?);
        if known.is_none() {
            self.places.push(ops);
        }
        Ok(())
    }

    /// Forgets the class `id`, whose callbacks keep their place.
    pub fn unregister(&mut self, id: u32) -> Option<Class> {
        self.by_id.remove(&id)
    }

    /// The class `id`.
    pub fn get(&self, id: u32) -> Option<Class> {
        self.by_id.get(&id).copied()
    }

    /// The callbacks, by their place.
    pub fn places(&self) -> &[Ops] {
        &self.places
    }

    /// Forgets everything; returns the classes there were.
    pub fn clear(&mut self) -> Vec<Class> {
        self.places = Vec::new();
        std::mem::take(&mut self.by_id).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Failed {
        Taken,
        Memory,
    }

    impl From<Taken> for Failed {
        fn from(_: Taken) -> Self {
            Failed::Taken
        }
    }

    fn register(classes: &mut Classes<char, usize>, id: u32, ops: char) -> Result<(), Failed> {
        classes.register(id, ops, Ok)
    }

    #[test]
    fn classes_that_share_callbacks_share_their_place() {
        let mut classes = Classes::new();
        for (id, ops) in [(1, 'a'), (2, 'b'), (3, 'a')] {
            register(&mut classes, id, ops).unwrap();
        }
        assert_eq!([1, 2, 3, 4].map(|id| classes.get(id)), [Some(0), Some(1), Some(0), None]);
        assert_eq!(classes.places(), ['a', 'b']);
    }

    #[test]
    fn an_id_is_registered_once_at_a_time() {
        let mut classes = Classes::new();
        register(&mut classes, 1, 'a').unwrap();
        assert_eq!(register(&mut classes, 1, 'b'), Err(Failed::Taken));
        assert_eq!(classes.places(), ['a']);
        assert_eq!(classes.unregister(1), Some(0));
        assert_eq!(classes.unregister(1), None);
        register(&mut classes, 1, 'b').unwrap();
        assert_eq!((classes.get(1), classes.places()), (Some(1), ['a', 'b'].as_slice()));
    }

    #[test]
    fn a_class_that_cannot_be_made_leaves_nothing() {
        let mut classes: Classes<char, usize> = Classes::new();
        assert_eq!(classes.register(1, 'a', |_| Err(Failed::Memory)), Err(Failed::Memory));
        assert_eq!((classes.get(1), classes.places()), (None, [].as_slice()));
    }

    #[test]
    fn what_is_forgotten_can_be_registered_anew() {
        let mut classes = Classes::new();
        register(&mut classes, 1, 'a').unwrap();
        register(&mut classes, 2, 'b').unwrap();
        assert_eq!(classes.clear().len(), 2);
        register(&mut classes, 2, 'b').unwrap();
        assert_eq!((classes.get(2), classes.places()), (Some(0), ['b'].as_slice()));
    }
}
