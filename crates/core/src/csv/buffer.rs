//! A buffer with room behind its content, for a reader to read into.

/// Bytes that were read, and room behind them. The room is zeroed once, not before each read.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { filled: bytes.len(), bytes }
    }
}

impl Buffer {
    /// The bytes that were read.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The number of bytes that were read.
    pub(super) fn len(&self) -> usize {
        self.filled
    }

    /// The number of bytes that fit without growing.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The room behind the content, up to `end` bytes from the front.
    pub(super) fn room(&mut self, end: usize) -> &mut [u8] {
        if self.bytes.len() < end {
            self.bytes.reserve_exact(end - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.filled..end]
    }

    /// Adds the first `read` bytes of the room to the content.
    pub(super) fn advance(&mut self, read: usize) {
        self.filled += read;
        assert!(self.filled <= self.bytes.len(), "more was read than there was room for");
    }

    /// Lets `write` append to the content.
    pub(super) fn append_with<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.bytes.truncate(self.filled);
        let answer = write(&mut self.bytes);
        self.filled = self.bytes.len();
        answer
    }

    /// Replaces the content.
    pub(super) fn replace(&mut self, content: &[u8]) {
        match self.bytes.get_mut(..content.len()) {
            Some(front) => front.copy_from_slice(content),
            None => {
                self.bytes.clear();
                self.bytes.extend_from_slice(content);
            }
        }
        self.filled = content.len();
    }

    /// Makes sure that `bytes` fit in all.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve_exact(bytes.saturating_sub(self.bytes.len()));
    }

    /// The first `length` bytes.
    pub(super) fn into_front(mut self, length: usize) -> Vec<u8> {
        self.bytes.truncate(length);
        self.bytes
    }
}
