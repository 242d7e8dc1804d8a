/* A host for one compiled contract on the wasmtime shared library, as lean as C allows: the peer of benchmarks/vm_costs.py.
 *
 *   cw20 MODULE ENV INFO INSTANTIATE EXECUTE
 *
 * All are files. It instantiates the contract once, then for each number read from its input executes the
 * message so often, each time in a new instance, and prints the seconds of CPU and the gas left by the last execution.
 * What is declared here is the C API of wasmtime 50. c_host.py writes a header with our settings, costs, the imports of
 * the contract, the numbers of its gate and where things lie in its window (see chain/vm/window.py): SETTINGS_DECLARED,
 * SETTINGS_APPLIED, IMPORTS_DEFINED, GATE, WINDOW, INSTANTIATE, EXECUTE, GAS, VALIDATE_COST, STRING_COST, COSTS, and
 * those called _AT and _MODE.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { size_t size; uint8_t *data; } bytes_t;
typedef struct { uint64_t store; size_t index; } instance_t;
typedef struct { uint64_t private_[3]; } item_t;
typedef struct { uint8_t kind; item_t of; } extern_t;
typedef union { int32_t i32; uint32_t u32; int64_t i64; uint64_t space[2]; } raw_t;
typedef struct { size_t size; void **data; } types_t;
typedef void *(*callback_t)(void *, void *, raw_t *, size_t);

void *wasm_config_new(void);
void *wasm_engine_new_with_config(void *);
void *wasm_functype_new(types_t *, types_t *);
void wasm_byte_vec_delete(bytes_t *);
void wasmtime_error_message(const void *, bytes_t *);
void wasm_trap_message(const void *, bytes_t *);
void *wasmtime_trap_new(const char *, size_t);
void *wasmtime_linker_new(void *);
void *wasmtime_linker_define_func_unchecked(void *, const char *, size_t, const char *, size_t, const void *, callback_t,
                                            void *, void (*)(void *));
void *wasmtime_linker_instantiate_pre(const void *, const void *, void **);
void *wasmtime_instance_pre_instantiate(const void *, void *, instance_t *, void **);
void *wasmtime_module_deserialize(void *, const uint8_t *, size_t, void **);
void *wasmtime_store_new(void *, void *, void (*)(void *));
void *wasmtime_store_context(void *);
void wasmtime_store_delete(void *);
bool wasmtime_instance_export_get(void *, const instance_t *, const char *, size_t, extern_t *);
void *wasmtime_func_call_unchecked(void *, const item_t *, raw_t *, size_t, void **);
uint8_t *wasmtime_memory_data(void *, const item_t *);
void *wasmtime_pooling_allocation_config_new(void);
void wasmtime_pooling_allocation_strategy_set(void *, const void *);
SETTINGS_DECLARED

/* --- storage: a few records, searched one after the other */

typedef struct { bytes_t key, value; } record_t;
static record_t records[64];
static size_t record_count;

static bytes_t copied(const uint8_t *data, size_t size) {
    bytes_t made = {size, malloc(size ? size : 1)};
    memcpy(made.data, data, size);
    return made;
}

static record_t *found(const uint8_t *key, size_t size) {
    for (size_t i = 0; i < record_count; i++)
        if (records[i].key.size == size && !memcmp(records[i].key.data, key, size)) return &records[i];
    return NULL;
}

/* --- the running call, in the straight lane: the guest charges and moves what is in Regions */

static uint8_t *window;

static void fail(const char *what, void *error, void *trap) {
    bytes_t text = {0, NULL};
    if (error) wasmtime_error_message(error, &text);
    else if (trap) wasm_trap_message(trap, &text);
    fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data ? (char *)text.data : "");
    exit(1);
}

static int32_t *number(size_t at) { return (int32_t *)(window + at); }
static int64_t *large(size_t at) { return (int64_t *)(window + at); }

static void charge(uint64_t cost) {
    *large(GAS_AT) -= (int64_t)cost;
    if (*large(GAS_AT) < 0) fail("out of gas", NULL, NULL);
}

static uint8_t *entered_with(size_t *sizes, int count) {
    if (*number(MODE_AT) != STRAIGHT_MODE) fail("the long lane", NULL, NULL);
    for (int i = 0; i < count; i++) sizes[i] = (size_t)number(ARGUMENTS_AT)[i];
    return window + DATA_AT;
}

/* --- host functions; an address is its own canonical form */

static void *db_read(void *env, void *caller, raw_t *slots, size_t count) {
    (void)env, (void)caller, (void)slots, (void)count;
    size_t size;
    uint8_t *key = entered_with(&size, 1);
    record_t *record = found(key, size);
    *large(RESULT_AT) = record ? (int64_t)record->value.size : UINT32_MAX;
    if (record) memcpy(window + DATA_AT, record->value.data, record->value.size);
    return NULL;
}

static void *db_write(void *env, void *caller, raw_t *slots, size_t count) {
    (void)env, (void)caller, (void)slots, (void)count;
    size_t sizes[2];
    uint8_t *key = entered_with(sizes, 2);
    record_t *record = found(key, sizes[0]);
    if (!record) {
        if (record_count == 64) fail("too many records", NULL, NULL);
        record = &records[record_count++];
        record->key = copied(key, sizes[0]);
    } else {
        free(record->value.data);
    }
    record->value = copied(key + sizes[0], sizes[1]);
    return NULL;
}

static void *addr_validate(void *env, void *caller, raw_t *slots, size_t count) {
    (void)env, (void)caller, (void)slots, (void)count;
    size_t size;
    entered_with(&size, 1);
    charge(STRING_COST(size) + VALIDATE_COST);
    *large(RESULT_AT) = UINT32_MAX;
    return NULL;
}

static void *unused(void *env, void *caller, raw_t *slots, size_t count) {
    (void)caller, (void)slots, (void)count;
    fprintf(stderr, "%s is not served\n", (char *)env);
    return wasmtime_trap_new("host", 4);
}

static void define(void *linker, const char *name, callback_t run) {
    types_t taken = {0, NULL}, given = {0, NULL};
    void *type = wasm_functype_new(&taken, &given);
    void *error = wasmtime_linker_define_func_unchecked(linker, "env", 3, name, strlen(name), type, run, (void *)name, NULL);
    if (error) fail(name, error, NULL);
}

/* --- one call of an entry point */

static int64_t entered(void *engine, void *pre, int entry, const bytes_t *arguments) {
    static const int64_t costs[] = {COSTS};
    instance_t instance;
    extern_t memory, gate;
    raw_t none;
    void *trap = NULL, *store = wasmtime_store_new(engine, NULL, NULL), *context = wasmtime_store_context(store);
    void *error = wasmtime_instance_pre_instantiate(pre, context, &instance, &trap);
    if (error || trap) fail("instantiate", error, trap);
    if (!wasmtime_instance_export_get(context, &instance, WINDOW, strlen(WINDOW), &memory) ||
        !wasmtime_instance_export_get(context, &instance, GATE, strlen(GATE), &gate))
        fail("missing export", NULL, NULL);
    window = wasmtime_memory_data(context, &memory.of);
    memcpy(window + CALL_COST_AT, costs, sizeof costs);
    *large(GAS_AT) = GAS;
    *number(MODE_AT) = entry;
    *number(LANE_AT) = LANE;
    uint8_t *at = window + DATA_AT;
    for (int i = 0; i < 3; at += arguments[i++].size) {
        number(ARGUMENTS_AT)[i] = (int32_t)arguments[i].size;
        memcpy(at, arguments[i].data, arguments[i].size);
    }
    error = wasmtime_func_call_unchecked(context, &gate.of, &none, 1, &trap);
    if (error || trap) fail("call", error, trap);
    if (*number(LANE_AT) != DONE) fail("the long lane", NULL, NULL);
    charge(0);
    bytes_t kept = copied(window + DATA_AT, (size_t)*large(RESULT_AT));
    if (kept.size < 6 || memcmp(kept.data, "{\"ok\":", 6)) fail("the contract refused", NULL, NULL);
    free(kept.data);
    int64_t left = *large(GAS_AT);
    wasmtime_store_delete(store);
    return left;
}

static bytes_t file(const char *path) {
    FILE *opened = fopen(path, "rb");
    if (!opened) fail(path, NULL, NULL);
    fseek(opened, 0, SEEK_END);
    bytes_t made = {(size_t)ftell(opened), NULL};
    made.data = malloc(made.size + 1);
    rewind(opened);
    if (fread(made.data, 1, made.size, opened) != made.size) fail(path, NULL, NULL);
    fclose(opened);
    return made;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    void *config = wasm_config_new(), *pool = wasmtime_pooling_allocation_config_new();
    SETTINGS_APPLIED
    wasmtime_pooling_allocation_strategy_set(config, pool);
    void *engine = wasm_engine_new_with_config(config), *linker = wasmtime_linker_new(engine), *module = NULL, *pre = NULL;
    IMPORTS_DEFINED
    bytes_t code = file(words[1]), env = file(words[2]), info = file(words[3]);
    void *error = wasmtime_module_deserialize(engine, code.data, code.size, &module);
    if (error) fail("module", error, NULL);
    error = wasmtime_linker_instantiate_pre(linker, module, &pre);
    if (error) fail("link", error, NULL);
    bytes_t first[3] = {env, info, file(words[4])}, then[3] = {env, info, file(words[5])};
    entered(engine, pre, INSTANTIATE, first);
    for (long times; scanf("%ld", &times) == 1;) {
        int64_t left = 0;
        double began = now();
        for (long i = 0; i < times; i++) left = entered(engine, pre, EXECUTE, then);
        printf("%.9f %lld\n", now() - began, (long long)left);
        fflush(stdout);
    }
    return 0;
}
