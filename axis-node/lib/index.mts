// One implementation for both kinds of modules: an error of one is an `AxisError` of the other, too.
export * from "./index.js";
