//! libFuzzer's way into [`kubevirt_redfish_fuzz::engine`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kubevirt_redfish_fuzz::engine(data));
