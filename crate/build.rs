fn main() {
    // A thread-local destructor of ours may outlive the Worker that loaded the addon: the library
    // must therefore never be unmapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    #[cfg(feature = "node")]
    napi_build::setup();
}
