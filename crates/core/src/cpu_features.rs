//! Running hot loops with the instructions that the processor has.
//!
//! A build for all x86-64 processors may use only the instructions of the first ones: counting the bits of a mask
//! takes a dozen of them instead of one. [`run`] compiles a loop twice and chooses at run time: rows are encoded a
//! fifth faster (`load-tests/benches/row.rs`).

/// A hot loop. `run` and the functions that it calls are marked `#[inline(always)]`: a function that is not inlined
/// keeps the instructions of the build.
pub(crate) trait Work {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs the work; on an x86-64 processor that has them, with AVX2, bit manipulation, AES and PCLMULQDQ instructions.
#[inline(always)]
pub(crate) fn run<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if x86_64_v3::is_there() {
        #[expect(
            unsafe_code,
            reason = "the features were just detected; see the module for what they bring"
        )]
        // SAFETY: the processor has every feature that `run` is compiled for.
        return unsafe { x86_64_v3::run(work) };
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
mod x86_64_v3 {
    use super::Work;

    #[inline(always)]
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq")
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,aes,pclmulqdq")]
    pub(super) fn run<W: Work>(work: W) -> W::Output {
        work.run()
    }
}
