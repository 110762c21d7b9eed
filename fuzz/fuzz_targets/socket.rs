//! libFuzzer's way into [`kubevirt_redfish_fuzz::socket`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kubevirt_redfish_fuzz::socket(data));
