//! NumPy's legacy generator, because nnU-Net's splits and foreground samples are drawn with it.
//!
//! `numpy.random.RandomState(seed)` is MT19937 seeded by `init_genrand`; its `shuffle`,
//! `permutation` and `randint` draw bounded integers by masked rejection. Frozen by NumPy's
//! own promise, so it can be repeated here to the bit.
//!
//! Source: M. Matsumoto and T. Nishimura, `mt19937ar.c`; NumPy NEP 19.

const N: usize = 624;
const M: usize = 397;

/// `numpy.random.RandomState`.
#[derive(Debug, Clone)]
pub struct NumpyRandom {
    state: Vec<u32>,
    next: usize,
}

impl NumpyRandom {
    /// `RandomState(seed)`.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        let mut state = Vec::with_capacity(N);
        state.push(seed);
        for i in 1..N as u32 {
            let previous = state[i as usize - 1];
            state.push(
                1_812_433_253u32
                    .wrapping_mul(previous ^ (previous >> 30))
                    .wrapping_add(i),
            );
        }
        Self { state, next: N }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// A uniform integer in `0..=max`, by masked rejection as NumPy's legacy `random_interval`.
    ///
    /// For `max` above 2^32 - 1 two words are joined, high word first.
    pub fn at_most(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        let mask = u64::MAX >> max.leading_zeros();
        loop {
            let word = if max <= u64::from(u32::MAX) {
                u64::from(self.next_u32())
            } else {
                (u64::from(self.next_u32()) << 32) | u64::from(self.next_u32())
            };
            if word & mask <= max {
                return word & mask;
            }
        }
    }

    /// `RandomState.shuffle`: Fisher-Yates from the end.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.at_most(i as u64) as usize;
            items.swap(i, j);
        }
    }

    /// `RandomState.permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_of_the_reference_implementation() {
        // np.random.RandomState(5489).randint(0, 2**32, 3, dtype=np.uint32)
        let mut rng = NumpyRandom::new(5489);
        assert_eq!(
            [rng.next_u32(), rng.next_u32(), rng.next_u32()],
            [3_499_211_612, 581_869_302, 3_890_346_734]
        );
    }

    #[test]
    fn shuffle_of_ten_gives_nnunets_folds() {
        // sklearn KFold(5, shuffle=True, random_state=12345) on ten cases; nnunet-v2.md 1.3.
        let order = NumpyRandom::new(12345).permutation(10);
        let folds: Vec<Vec<usize>> = order
            .chunks(2)
            .map(|chunk| {
                let mut fold = chunk.to_vec();
                fold.sort_unstable();
                fold
            })
            .collect();
        assert_eq!(
            folds,
            [vec![0, 7], vec![3, 9], vec![4, 6], vec![1, 8], vec![2, 5]]
        );
    }
}
