//! Follows the frames in a stream of bytes, without reading what is in them.

/// What a client sends before its first frame.
const PREFACE: usize = 24;
const HEADER: usize = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// A frame, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub kind: Kind,
    pub length: usize,
    pub flags: u8,
}

/// What a frame is (RFC 9113, 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Continuation,
    /// One that asks for nothing.
    Other,
}

impl Frame {
    fn parse(header: [u8; HEADER]) -> Self {
        let [high, middle, low, kind, flags, ..] = header;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            3 => Kind::Reset,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        Self { kind, length, flags }
    }

    /// Whether it ends the body of a request.
    pub fn ends_stream(self) -> bool {
        self.flags & END_STREAM != 0
    }

    fn ends_head(self) -> bool {
        self.flags & END_HEADERS != 0
    }
}

/// Where in the stream of frames the bytes end that it has seen.
#[derive(Debug)]
pub(super) struct FrameScanner {
    /// Bytes to skip: of the preface, or of the payload of a frame.
    skip: usize,
    header: [u8; HEADER],
    filled: usize,
    /// The head of a request has begun, and its last frame has not.
    in_head: bool,
}

impl FrameScanner {
    pub fn new() -> Self {
        Self { skip: PREFACE, header: [0; HEADER], filled: 0, in_head: false }
    }

    /// Takes the next bytes, and calls `found` for every frame whose header is complete with them. Whether everything
    /// was complete before the first of them, or between two.
    pub fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) -> bool {
        let mut was_complete = false;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            was_complete |= self.is_complete();
            if bytes.is_empty() {
                return was_complete;
            }
            let place = self.header.get_mut(self.filled..).unwrap_or_default();
            let taken = place.len().min(bytes.len());
            let (head, rest) = bytes.split_at(taken);
            place.iter_mut().zip(head).for_each(|(place, byte)| *place = *byte);
            self.filled += taken;
            bytes = rest;
            if self.filled < HEADER {
                return was_complete;
            }
            self.filled = 0;
            let frame = Frame::parse(self.header);
            self.skip = frame.length;
            if matches!(frame.kind, Kind::Headers | Kind::Continuation) {
                self.in_head = !frame.ends_head();
            }
            found(frame);
        }
    }

    /// Whether what has begun is complete: every frame, and every head that goes over several frames.
    pub fn is_complete(&self) -> bool {
        self.skip == 0 && self.filled == 0 && !self.in_head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, 1]);
        frame.extend(std::iter::repeat_n(7, payload));
        frame
    }

    #[test]
    fn frames_are_the_same_however_their_bytes_are_cut() {
        let frames = [
            frame(4, 0, 12),
            frame(1, END_HEADERS | END_STREAM, 300),
            frame(0, 0, 0),
            frame(0, END_STREAM, 70_000),
            frame(6, 0, 8),
            frame(3, 0, 4),
            frame(200, 0, 1),
        ];
        let bytes = [vec![0; PREFACE], frames.concat()].concat();
        let scan = |step: usize| {
            let (mut scanner, mut found) = (FrameScanner::new(), Vec::new());
            for chunk in bytes.chunks(step) {
                scanner.scan(chunk, |frame| found.push(frame));
            }
            assert!(scanner.is_complete());
            found
        };
        let whole = scan(bytes.len());
        assert_eq!(whole.len(), frames.len());
        assert_eq!((whole[3].kind, whole[3].length), (Kind::Data, 70_000));
        assert!(whole[3].ends_stream() && !whole[2].ends_stream());
        for step in [1, 2, 3, 8, 9, 10, 31, 4_096] {
            assert_eq!(scan(step), whole, "by {step}");
        }
    }

    #[test]
    fn a_head_is_complete_with_its_last_frame() {
        let mut scanner = FrameScanner::new();
        assert!(!scanner.is_complete(), "the preface is missing");
        let mut take = |bytes: &[u8]| {
            let _ = scanner.scan(bytes, |_| {});
            scanner.is_complete()
        };
        assert!(take(&[0; PREFACE]));
        assert!(!take(&frame(1, 0, 5)));
        assert!(!take(&frame(9, 0, 5)));
        assert!(take(&frame(9, END_HEADERS, 5)));
        let dribbled = frame(1, END_HEADERS, 5);
        for byte in &dribbled[..dribbled.len() - 1] {
            assert!(!take(&[*byte]));
        }
        assert!(take(&dribbled[dribbled.len() - 1..]));
        assert!(!take(&[dribbled.clone(), dribbled[..1].to_vec()].concat()));
        let mut between = |bytes: &[u8]| scanner.scan(bytes, |_| {});
        assert!(!between(&dribbled[1..3]), "one frame goes on");
        assert!(
            between(&[&dribbled[3..], &dribbled[..3]].concat()),
            "one ended, and the next began"
        );
    }
}
