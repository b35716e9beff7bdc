//! The fast way for the processor that the machine has: shifts by any register and fields of bits in one step each (BMI),
//! where it has them.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "code for BMI may only run where the processor has it; that is asked before the one call"
    )
)]

use super::lane::{self, Lane, Stop};
use super::tables::Tables;

/// Reads the bulk of a block.
pub(super) fn fast(lane: &mut Lane<'_>, tables: &Tables) -> Stop {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi1") && std::arch::is_x86_feature_detected!("bmi2") {
        // SAFETY: the processor has BMI1 and BMI2.
        return unsafe { with_bmi(lane, tables) };
    }
    lane.fast(tables)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn with_bmi(lane: &mut Lane<'_>, tables: &Tables) -> Stop {
    lane.fast(tables)
}

/// As [`fast`] of two streams.
pub(super) fn fast_two(one: (&mut Lane<'_>, &Tables), two: (&mut Lane<'_>, &Tables)) -> (Option<Stop>, Option<Stop>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi1") && std::arch::is_x86_feature_detected!("bmi2") {
        // SAFETY: the processor has BMI1 and BMI2.
        return unsafe { two_with_bmi(one, two) };
    }
    lane::fast_two(one, two)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn two_with_bmi(one: (&mut Lane<'_>, &Tables), two: (&mut Lane<'_>, &Tables)) -> (Option<Stop>, Option<Stop>) {
    lane::fast_two(one, two)
}
