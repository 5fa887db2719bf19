/* A library that is no module. */
extern const int mod_no_symbol_version;
const int mod_no_symbol_version = 1;
