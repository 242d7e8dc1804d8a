/* A host for one compiled contract on the wasmtime shared library, as lean as C allows: the peer of benchmarks/vm_costs.py.
 *
 *   cw20 MODULE ENV INFO INSTANTIATE EXECUTE
 *
 * All are files. It instantiates the contract once, then for each number read from its input executes the
 * message so often, each time in a new instance, and prints the seconds of CPU and the gas left by the last execution.
 * What is declared here is the C API of wasmtime 50. vm_costs.py writes a header with our settings, costs, the
 * imports of the contract and the numbers of its gate: SETTINGS_DECLARED, SETTINGS_APPLIED, IMPORTS_DEFINED, GATE, SLOTS,
 * ALLOCATE, DEALLOCATE, INSTANTIATE, EXECUTE, GAS and those called _COST.
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
void *wasm_valtype_new(uint8_t);
void wasm_valtype_vec_new(types_t *, size_t, void *const *);
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
size_t wasmtime_memory_data_size(void *, const item_t *);
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

/* --- the running call */

static void *context;
static extern_t memory, gate;
static int64_t gas;

static void fail(const char *what, void *error, void *trap) {
    bytes_t text = {0, NULL};
    if (error) wasmtime_error_message(error, &text);
    else if (trap) wasm_trap_message(trap, &text);
    fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data ? (char *)text.data : "");
    exit(1);
}

static void charge(uint64_t cost) {
    gas -= (int64_t)cost;
    if (gas < 0) fail("out of gas", NULL, NULL);
}

static uint8_t *at(uint32_t offset, size_t size) {
    if (offset + size > wasmtime_memory_data_size(context, &memory.of)) fail("out of bounds", NULL, NULL);
    return wasmtime_memory_data(context, &memory.of) + offset;
}

static bytes_t region(uint32_t pointer) {
    uint32_t fields[3];
    memcpy(fields, at(pointer, 12), 12);
    if (!fields[0] || fields[2] > fields[1] || fields[1] > UINT32_MAX - fields[0]) fail("no region", NULL, NULL);
    charge(READ_COST(fields[2]));
    return (bytes_t){fields[2], at(fields[0], fields[2])};
}

static uint32_t call(int number, uint32_t first, uint32_t second, uint32_t third) {
    raw_t slots[SLOTS] = {{.i32 = number}, {.u32 = first}, {.u32 = second}, {.u32 = third}, {.i64 = gas}};
    void *trap = NULL, *error = wasmtime_func_call_unchecked(context, &gate.of, slots, SLOTS, &trap);
    if (error || trap) fail("call", error, trap);
    gas = slots[1].i64;
    charge(0);
    return slots[0].u32;
}

static uint32_t pass(const uint8_t *data, size_t size) {
    uint32_t fields[3], length = (uint32_t)size, pointer = call(ALLOCATE, length, 0, 0);
    memcpy(fields, at(pointer, 12), 12);
    charge(WRITE_COST(size));
    if (size > fields[1]) fail("region too small", NULL, NULL);
    memcpy(at(fields[0], size), data, size);
    memcpy(at(pointer + 8, 4), &length, 4);
    return pointer;
}

/* --- host functions; an address is its own canonical form */

static void *db_read(void *env, void *caller, raw_t *slots, size_t count) {
    (void)env, (void)caller, (void)count;
    gas = slots[1].i64;
    charge(CALL_COST);
    bytes_t key = region(slots[0].u32);
    record_t *record = found(key.data, key.size);
    slots[0].u32 = record ? pass(record->value.data, record->value.size) : 0;
    slots[1].i64 = gas;
    return NULL;
}

static void *db_write(void *env, void *caller, raw_t *slots, size_t count) {
    (void)env, (void)caller, (void)count;
    gas = slots[2].i64;
    charge(CALL_COST);
    bytes_t key = region(slots[0].u32), value = region(slots[1].u32);
    record_t *record = found(key.data, key.size);
    if (!record) {
        if (record_count == 64) fail("too many records", NULL, NULL);
        record = &records[record_count++];
        record->key = copied(key.data, key.size);
    } else {
        free(record->value.data);
    }
    record->value = copied(value.data, value.size);
    slots[0].i64 = gas;
    return NULL;
}

static void *addr_validate(void *env, void *caller, raw_t *slots, size_t count) {
    (void)env, (void)caller, (void)count;
    gas = slots[1].i64;
    charge(CALL_COST);
    charge(STRING_COST(region(slots[0].u32).size) + VALIDATE_COST);
    slots[0].u32 = 0;
    slots[1].i64 = gas;
    return NULL;
}

static void *unused(void *env, void *caller, raw_t *slots, size_t count) {
    (void)caller, (void)slots, (void)count;
    fprintf(stderr, "%s is not served\n", (char *)env);
    return wasmtime_trap_new("host", 4);
}

static void define(void *linker, const char *name, int params, int result, callback_t run) {
    void *kinds[8];
    types_t taken, given;
    for (int i = 0; i < params; i++) kinds[i] = wasm_valtype_new(0);
    kinds[params] = wasm_valtype_new(1);
    wasm_valtype_vec_new(&taken, (size_t)params + 1, kinds);
    if (result) kinds[0] = wasm_valtype_new(result == 64);
    kinds[result != 0] = wasm_valtype_new(1);
    wasm_valtype_vec_new(&given, 1 + (result != 0), kinds);
    void *type = wasm_functype_new(&taken, &given);
    void *error = wasmtime_linker_define_func_unchecked(linker, "env", 3, name, strlen(name), type, run, (void *)name, NULL);
    if (error) fail(name, error, NULL);
}

/* --- one call of an entry point */

static int64_t entered(void *engine, void *pre, int entry, const bytes_t *arguments) {
    instance_t instance;
    void *trap = NULL, *store = wasmtime_store_new(engine, NULL, NULL);
    context = wasmtime_store_context(store);
    void *error = wasmtime_instance_pre_instantiate(pre, context, &instance, &trap);
    if (error || trap) fail("instantiate", error, trap);
    if (!wasmtime_instance_export_get(context, &instance, "memory", 6, &memory) ||
        !wasmtime_instance_export_get(context, &instance, GATE, strlen(GATE), &gate))
        fail("missing export", NULL, NULL);
    uint32_t pointers[3];
    gas = GAS;
    for (int i = 0; i < 3; i++) pointers[i] = pass(arguments[i].data, arguments[i].size);
    uint32_t result = call(entry, pointers[0], pointers[1], pointers[2]);
    bytes_t answer = region(result), kept = copied(answer.data, answer.size);
    if (kept.size < 6 || memcmp(kept.data, "{\"ok\":", 6)) fail("the contract refused", NULL, NULL);
    free(kept.data);
    call(DEALLOCATE, result, 0, 0);
    wasmtime_store_delete(store);
    return gas;
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
