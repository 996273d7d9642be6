#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smartpass_core_fuzz::splitter(data));
