/* Preloaded into a server: counts what the threads of media allocate, lock and wait for while packets flow, and who asked.
 *
 * The test and this library share the file named by COUNTING. A number other than 0 in `epoch` switches counting on, for
 * threads with a name of THREADS. An event belongs to the innermost frame that is not in a library that only
 * serves others (SERVANTS): to the core under test (CORE), or to a module. For the core's own events the stack is kept. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Names begin with: media workers, mountpoints of the streaming plugin. */
static const char *const THREADS[] = { "hloop ", "mp " };
#define CORE "libjanus_rs.so"
static const char *const SERVANTS[] = { "libcounting.so", "libc.so", "libgcc_s.so", "ld-linux", "libglib-2.0.so",
	"libgobject-2.0.so", "libjansson.so", "libcrypto.so", "libssl.so", "linux-vdso" };

enum kind { ALLOCATION, LOCK, FUTEX, KINDS };
enum owner { OWN, MODULE, OWNERS };
#define DEPTH 64
#define SITES 256
#define RANGES 512

/* The layout is read by tests/peers/tests/packet_path.rs. */
struct site {
	uint64_t kind, count, depth;
	uint64_t offsets[DEPTH]; /* in CORE; 0 for frames elsewhere */
};
struct report {
	_Atomic uint64_t epoch;
	_Atomic uint64_t events[KINDS][OWNERS];
	_Atomic uint64_t lost; /* sites that found no room */
	uint64_t used;
	struct site sites[SITES];
};

static struct report *report;
static atomic_flag guard = ATOMIC_FLAG_INIT;
static __thread uint64_t known_epoch;
static __thread int is_counted;
static __thread int is_busy;

enum place { SERVANT, IN_CORE, IN_MODULE };
static struct { uintptr_t from, to, base; enum place place; } ranges[RANGES];
static size_t range_count;
static uint64_t ranges_of;

static int note_object(struct dl_phdr_info *info, size_t size, void *data) {
	(void)size;
	(void)data;
	const char *name = strrchr(info->dlpi_name, '/');
	name = name ? name + 1 : info->dlpi_name;
	enum place place = strncmp(name, CORE, strlen(CORE)) == 0 ? IN_CORE : IN_MODULE;
	for(size_t i = 0; i < sizeof(SERVANTS) / sizeof(*SERVANTS); i++)
		if(strncmp(name, SERVANTS[i], strlen(SERVANTS[i])) == 0)
			place = SERVANT;
	for(int i = 0; i < info->dlpi_phnum && range_count < RANGES; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if(header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		ranges[range_count].from = info->dlpi_addr + header->p_vaddr;
		ranges[range_count].to = ranges[range_count].from + header->p_memsz;
		ranges[range_count].base = info->dlpi_addr;
		ranges[range_count++].place = place;
	}
	return 0;
}

static enum place place_of(uintptr_t address, uintptr_t *base) {
	for(size_t i = 0; i < range_count; i++)
		if(address >= ranges[i].from && address < ranges[i].to) {
			*base = ranges[i].base;
			return ranges[i].place;
		}
	return SERVANT;
}

static void keep(enum kind kind, void **frames, int count) {
	struct site site = { .kind = kind, .count = 1 };
	for(int i = 0; i < count && site.depth < DEPTH; i++) {
		uintptr_t base = 0;
		/* Minus one: the address is where the call returns to. */
		int own = place_of((uintptr_t)frames[i], &base) == IN_CORE;
		site.offsets[site.depth++] = own ? (uintptr_t)frames[i] - base - 1 : 0;
	}
	for(uint64_t i = 0; i < report->used; i++) {
		struct site *known = &report->sites[i];
		if(known->kind == site.kind && known->depth == site.depth &&
				memcmp(known->offsets, site.offsets, sizeof(site.offsets)) == 0) {
			known->count++;
			return;
		}
	}
	if(report->used == SITES)
		report->lost++;
	else
		report->sites[report->used++] = site;
}

static void count(enum kind kind) {
	uint64_t epoch = report ? report->epoch : 0;
	if(epoch == 0 || is_busy)
		return;
	int error = errno;
	is_busy = 1;
	if(known_epoch != epoch) {
		char name[16] = "";
		prctl(PR_GET_NAME, name);
		is_counted = 0;
		for(size_t i = 0; i < sizeof(THREADS) / sizeof(*THREADS); i++)
			is_counted |= strncmp(name, THREADS[i], strlen(THREADS[i])) == 0;
		known_epoch = epoch;
	}
	if(is_counted) {
		void *frames[DEPTH + 32];
		int depth = backtrace(frames, sizeof(frames) / sizeof(*frames));
		while(atomic_flag_test_and_set(&guard)) {}
		if(ranges_of != epoch) {
			range_count = 0;
			dl_iterate_phdr(note_object, NULL);
			ranges_of = epoch;
		}
		enum owner owner = MODULE;
		for(int i = 0; i < depth; i++) {
			uintptr_t base;
			enum place place = place_of((uintptr_t)frames[i], &base);
			if(place == SERVANT)
				continue;
			owner = place == IN_CORE ? OWN : MODULE;
			break;
		}
		report->events[kind][owner]++;
		if(owner == OWN)
			keep(kind, frames, depth);
		atomic_flag_clear(&guard);
	}
	is_busy = 0;
	errno = error;
}

__attribute__((constructor)) static void begin(void) {
	void *frame;
	backtrace(&frame, 1); /* loads what it needs */
	const char *path = getenv("COUNTING");
	int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if(file < 0 || ftruncate(file, sizeof(struct report)) != 0)
		return;
	void *memory = mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if(memory != MAP_FAILED)
		report = memory;
}

/* glibc's own names for its allocator. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
	count(ALLOCATION);
	return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
	count(ALLOCATION);
	return __libc_calloc(number, size);
}
void *realloc(void *memory, size_t size) {
	count(ALLOCATION);
	return __libc_realloc(memory, size);
}
void *memalign(size_t alignment, size_t size) {
	count(ALLOCATION);
	return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
	count(ALLOCATION);
	return __libc_memalign(alignment, size);
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
	count(ALLOCATION);
	*memory = __libc_memalign(alignment, size);
	return *memory ? 0 : ENOMEM;
}

/* The function of this name that would have been called without us. */
#define NEXT(type, name) \
	static __typeof__(type) real; \
	if(!real) \
		real = (__typeof__(type))(uintptr_t)dlsym(RTLD_NEXT, #name)

#define PTHREAD(name, object) \
	int name(object *lock) { \
		NEXT(int (*)(object *), name); \
		count(LOCK); \
		return real(lock); \
	}
PTHREAD(pthread_mutex_lock, pthread_mutex_t)
PTHREAD(pthread_mutex_trylock, pthread_mutex_t)
PTHREAD(pthread_rwlock_rdlock, pthread_rwlock_t)
PTHREAD(pthread_rwlock_wrlock, pthread_rwlock_t)
PTHREAD(pthread_spin_lock, pthread_spinlock_t)

#define GLIB(name) \
	void name(void *lock) { \
		NEXT(void (*)(void *), name); \
		count(LOCK); \
		real(lock); \
	}
void g_mutex_lock(void *), g_rec_mutex_lock(void *), g_rw_lock_reader_lock(void *), g_rw_lock_writer_lock(void *);
GLIB(g_mutex_lock)
GLIB(g_rec_mutex_lock)
GLIB(g_rw_lock_reader_lock)
GLIB(g_rw_lock_writer_lock)

/* Rust's standard library waits for its locks, and wakes their waiters, with this. */
long syscall(long number, ...) {
	NEXT(long (*)(long, ...), syscall);
	long a[6];
	va_list list;
	va_start(list, number);
	for(int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if(number == SYS_futex)
		count(FUTEX);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
