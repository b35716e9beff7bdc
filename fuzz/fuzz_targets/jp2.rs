#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = cube_tests::fuzzed::jp2(bytes);
});
