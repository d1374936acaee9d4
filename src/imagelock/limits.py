"""Every limit and deadline of imagelock, in one place; nothing read from outside is unbounded.

Sizes are bytes, times are seconds.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

MANIFEST_BYTES = 4 * MIB
"""A manifest or index, as the OCI distribution specification advises registries to accept."""
INDEX_CHILDREN = 10_000
INDEX_DEPTH = 8
CONFIG_BYTES = 8 * MIB
"""An image's config blob, read to learn its platform."""
YAML_BYTES = 16 * MIB
SCAN_FILE_BYTES = 64 * MIB
"""A file that scan reads, unless ``[scan] max-file-size`` says otherwise."""
SCAN_FILE_MOST_BYTES = GIB
"""What that setting may be at most: a file is held in memory while it is read."""
SHARED_FILES = 1_500
"""Files of a tree for which another process is worth its start, and for each further one."""
SHARING_PROCESSES = 8
KEPT_BYTES = 8 * MIB
"""Bytes of scanned files that a run keeps; what is beyond is read again by those who edit or quote it."""
YAML_VALUES = 1_500_000
"""Values of one document, told from its commas, colons and dashes; each costs some 300 bytes when it is parsed."""
YAML_NODES = 2_000_000
"""Nodes walked in one document; an alias bomb is refused long before memory is."""
YAML_DEPTH = 200
JSON_DEPTH = 200
TOML_KEY_PARTS = 100
"""Dotted parts of one key."""
CONFIG_FILE_BYTES = 4 * MIB
"""``imagelock.toml`` or ``pyproject.toml``."""
TEXT_NESTING = 3
"""JSON or YAML inside a string inside a string."""
REFERENCE_CHARS = 1024
TOKEN_BYTES = 64 * KIB
ERROR_BODY_BYTES = 16 * KIB
LOCK_BYTES = 64 * MIB
LAYOUT_INDEX_BYTES = 64 * MIB
"""``index.json`` of an OCI layout: some 200,000 tags."""
CLUSTER_OBJECT_BYTES = 16 * MIB
"""One object of a cluster; etcd holds 1.5 MiB, aggregated API servers sometimes more."""
CLUSTER_PAGE = 500
"""Objects asked of an API server at once, as kubectl does."""
WATCH_SECONDS = 240
"""How long one watch of a resource is asked for; API servers end them after some minutes anyway."""
WATCH_IDLE_SECONDS = 300.0
WATCH_CONNECTIONS = 64
WATCH_PAUSE_SECONDS = 1.0
"""First pause before a list or watch that failed is tried again; each further one doubles, up to the next value."""
WATCH_PAUSE_MOST_SECONDS = 60.0
CLUSTER_RESTARTS = 3
CLUSTER_TRIES = 5
"""How often an API server is asked that says it is too busy (429)."""
CLUSTER_WAIT_SECONDS = 10.0
"""The longest wait between two tries, whatever its Retry-After says."""
"""How often a list is begun again because the API server forgot where it was (410)."""
LAYER_BYTES = 64 * GIB
"""A whole layer, decompressed; it is streamed and never held."""
IMAGE_BYTES = 64 * GIB
"""All layers of an image that are read for a file of it, decompressed; a layer read again counts again."""
IMAGE_FILES_BYTES = 256 * MIB
"""The files that one ``image://`` source takes out of an image."""
LAYER_ENTRIES = 500_000
"""Files of one layer, and of an image whose files are looked for."""
TAR_HEADER_BYTES = MIB
"""An extended header of a layer's entry: long names, attributes."""
ZSTD_WINDOW_BYTES = 128 * MIB
IMAGE_LINKS = 40
"""Links followed for one file of an image, as Linux does."""

TAG_LIST_BYTES = 32 * MIB
"""One page of a repository's tags; some registries know no pages."""
PIECE_BYTES = 256 * KIB
"""What is read, hashed and written at once."""
UPLOADS_OPEN = 256
"""Upload sessions of the embedded registry at one time; each holds an open file."""
UPLOAD_IDLE_SECONDS = 3600.0
UPLOAD_SPARE_SECONDS = 60.0
"""An upload no one touched for so long gives way when there are too many."""
CONNECTIONS = 512
"""Clients of the embedded registry at one time; each has a thread."""
EVICT_SECONDS = 1.0
"""How long a client must have kept the embedded registry waiting to lose its place to another one."""
GRACE_SECONDS = 5.0
"""What answers under way get when the embedded registry is asked to end."""
RELOAD_SECONDS = 1.0
"""How often the embedded registry looks whether its certificate or its users changed."""
USERS_BYTES = 4 * MIB
"""An htpasswd file."""
HEAD_BYTES = 64 * KIB
HEAD_FIELDS = 100
HEAD_SECONDS = 10.0
"""A request's head must be complete so long after its first byte, however it trickles."""
QUERY_FIELDS = 32
DRAIN_BYTES = 8 * MIB
"""What the embedded registry reads of a body it has refused, so that the client sees the answer."""
CHUNK_LINE_BYTES = KIB
TRAILER_BYTES = 16 * KIB
PAGE_ENTRIES = 10_000
"""Tags in one answer, however many are asked for."""

CONNECT_SECONDS = 10.0
FIRST_BYTE_SECONDS = 30.0
IDLE_SECONDS = 30.0
BODY_SECONDS = 120.0
"""A manifest, config or token answer must be complete by then, however it trickles."""
COMMIT_SECONDS = 300.0
"""A registry's answer to a blob's last byte: some move it to another storage first."""
TRICKLE_BYTES = 64 * KIB
"""The least that a body must bring within IDLE_SECONDS of waiting for it, in either direction."""
RESUMES = 5
"""How often a broken download is taken up again without a further MiB having come."""
PROBE_SECONDS = 5.0
"""To learn whether a loopback host speaks TLS."""
RETRY_SECONDS = 120.0
"""Default budget per host for retries and waiting (``--retry-time``)."""
ABSENT_SECONDS = 5.0
"""Part of that budget for what waiting rarely heals: connection refused, unknown host, a plain 500."""
MIRROR_SECONDS = 2.0
"""Part of that budget for an endpoint that another one can stand in for."""
BACKOFF_SECONDS = 0.25
"""First pause before trying again; each further one doubles, up to the next value."""
BACKOFF_MOST_SECONDS = 15.0
GIVEN_UP_SECONDS = 10.0
"""How long a host that was given up is not asked again."""
REDIRECTS = 5
RENDER_SECONDS = 60.0
"""One run of helm or kustomize."""
RENDER_CPU_SECONDS = 60
RENDER_MEMORY_BYTES = 4 * GIB
"""Address space of a renderer; Go reserves far more of it than it uses."""
RENDER_OUTPUT_BYTES = 64 * MIB
TRACE_RENDERS = 60
"""Renders of one target, bisection and attempts at proof included."""
TRACE_CHART_FILES = 5_000
TRACE_CHART_BYTES = 64 * MIB
"""What is copied of one chart to be rendered with other values."""
CHART_ARCHIVE_BYTES = 16 * MIB
CHART_BYTES = 32 * MIB
"""A packaged chart with all that is packed inside it, decompressed; Helm's own cap is 100 MiB."""
CHART_SNIFF_BYTES = MIB
"""How far into an archive its Chart.yaml must show; Helm writes it first."""
CHART_FILES = 10_000
CHART_DEPTH = 4
"""Charts packed in charts."""
PACKAGE_BYTES = 64 * MIB
"""A Debian package or an application's archive with all that is packed inside it, decompressed."""
PACKAGE_FILES = 50_000
PACKAGE_DEPTH = 4
"""Archives packed in archives."""
CREDENTIAL_FILE_BYTES = MIB
HELPER_SECONDS = 30.0
HELPER_BYTES = 64 * KIB

HOLD_SECONDS = 10.0
"""How long a run waits for another one that holds the lock."""
JOBS = 16
"""Default connections per host (``--jobs``)."""
