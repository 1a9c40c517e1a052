// Empty: a target that owns a precompiled header needs a source file.
