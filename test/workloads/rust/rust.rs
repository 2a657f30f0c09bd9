// SPDX-License-Identifier: Apache-2.0
//! Release Rust without frame pointers: iterators and closures (40 %), a trait object (30 %), a panic caught in the hot
//! path (20 %), a generic method (10 %).

use std::panic;

/// A value that the compiler knows nothing of. std::hint has one since Rust 1.66; Debian 12 has 1.63.
#[inline(always)]
pub fn black_box<T: Copy>(value: T) -> T {
    unsafe { std::ptr::read_volatile(&value) }
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    fn prctl(option: i32, name: *mut u8) -> i32;
}

const PROCESS_CPU: i32 = 2;
const THREAD_CPU: i32 = 3;
const BURST: u64 = 60_000;

#[inline(always)]
fn cpu_ns(clock: i32) -> u64 {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(clock, &mut time) };
    time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64
}

#[inline(always)]
fn burn(rounds: u64) -> u64 {
    let mut x = 88172645463325252u64;
    for _ in 0..rounds {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x = black_box(x);
    }
    x
}

pub mod shapes {
    use super::{black_box, burn};

    #[inline(never)]
    pub fn closure_leaf(rounds: u64) -> u64 {
        burn(rounds)
    }

    #[inline(never)]
    pub fn fold_all<F: Fn(u64) -> u64>(items: &[u64], f: F) -> u64 {
        black_box(items.iter().filter(|i| **i != 0).map(|i| f(*i)).fold(0u64, |a, b| a ^ b))
    }

    #[inline(never)]
    pub fn iterators(rounds: u64) -> u64 {
        let items = [rounds / 3, rounds / 3, 0, rounds / 3];
        black_box(fold_all(&items, |n| black_box(closure_leaf(n))))
    }

    pub trait Shape {
        fn area(&self, rounds: u64) -> u64;
    }

    pub struct Circle;
    pub struct Square;

    impl Shape for Circle {
        #[inline(never)]
        fn area(&self, rounds: u64) -> u64 {
            burn(rounds)
        }
    }

    impl Shape for Square {
        #[inline(never)]
        fn area(&self, rounds: u64) -> u64 {
            burn(rounds) + 1
        }
    }

    #[inline(never)]
    pub fn dynamic(shape: &dyn Shape, rounds: u64) -> u64 {
        black_box(shape.area(rounds))
    }

    pub struct Pair<A, B>(pub A, pub B);

    impl<A: Copy + Into<u64>, B: Copy + Into<u64>> Pair<A, B> {
        #[inline(never)]
        pub fn combine(&self, rounds: u64) -> u64 {
            burn(rounds) ^ self.0.into() ^ self.1.into()
        }
    }

    #[inline(never)]
    pub fn generic(rounds: u64) -> u64 {
        black_box(Pair(1u8, 2u32).combine(rounds))
    }

    #[inline(never)]
    pub fn panics(value: u64) -> u64 {
        if black_box(value) < u64::MAX {
            panic!("value {}", value);
        }
        value
    }

    #[inline(never)]
    pub fn catches(value: u64) -> u64 {
        black_box((0..10).map(|_| std::panic::catch_unwind(|| panics(value)).unwrap_or(1)).sum())
    }
}

macro_rules! spend {
    ($sum:expr, $microseconds:expr, $call:expr) => {{
        let start = cpu_ns(THREAD_CPU);
        loop {
            black_box($call);
            let spent = cpu_ns(THREAD_CPU) - start;
            if spent >= $microseconds * 1000 {
                $sum += spent;
                break;
            }
        }
    }};
}

#[inline(never)]
fn run(budget: u64) -> [u64; 4] {
    let mut ns = [0u64; 4];
    let shapes: [Box<dyn shapes::Shape>; 2] = [Box::new(shapes::Circle), Box::new(shapes::Square)];
    let mut turn = 0;
    while cpu_ns(PROCESS_CPU) < budget {
        spend!(ns[0], 4000, shapes::iterators(BURST));
        spend!(ns[1], 3000, shapes::dynamic(&*shapes[turn & 1], BURST));
        spend!(ns[2], 2000, shapes::catches(turn as u64));
        spend!(ns[3], 1000, shapes::generic(BURST));
        turn += 1;
    }
    ns
}

fn main() {
    let budget = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1000u64) * 1_000_000;
    panic::set_hook(Box::new(|_| {}));
    let ns = black_box(run(budget));
    let mut comm = [0u8; 16];
    unsafe { prctl(16, comm.as_mut_ptr()) };
    let comm = String::from_utf8_lossy(&comm);
    println!(
        "{{\"comm\":\"{}\",\"branches\":{{\"iterators\":{},\"dynamic\":{},\"panics\":{},\"generic\":{}}},\"cpuNs\":{}}}",
        comm.trim_end_matches('\0'),
        ns[0],
        ns[1],
        ns[2],
        ns[3],
        cpu_ns(PROCESS_CPU)
    );
}
