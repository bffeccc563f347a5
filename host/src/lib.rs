//! choreo.
