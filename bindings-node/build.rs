//! Tells the linker how Node.js finds the addon.

fn main() {
    napi_build::setup();
}
