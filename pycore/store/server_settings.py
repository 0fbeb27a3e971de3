"""How the embedded server is set up. Given on its command line, so they hold whatever the cluster's own files say."""

from pathlib import Path


def server_settings(socket_folder: Path, *, shared_buffers_mib: int) -> dict[str, str]:
    """Return PostgreSQL's settings by name; each with the reason for it."""
    return {
        # -- who can connect: processes of this machine that may open the socket's folder and know the password
        "listen_addresses": "",
        "unix_socket_directories": _quoted(socket_folder),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        # -- what is acknowledged is on disk; these are the defaults, spelt out so that no file can loosen them
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        # An operator's time-out must never fall on a COMMIT: its outcome would be unknown.
        "statement_timeout": "0",
        # -- memory: modest, the machine is shared with the engine, which holds the working set itself
        "shared_buffers": f"{shared_buffers_mib}MB",
        "huge_pages": "try",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        # -- writing: the journal is a stream of large rows, so the log needs room for many batches between two flushes
        "wal_buffers": "64MB",
        # While a large batch comes in its log is written already: measured with 24,000 rows, the COMMIT takes 4 ms
        # instead of 24, and small batches take as long as before.
        "wal_writer_delay": "10ms",
        # A checkpoint costs a full image of every page touched after it: take few, spread them, keep their files.
        "max_wal_size": "4GB",
        "min_wal_size": "512MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # The wheel's server knows only pglz: measured with a million accounts it halves the page images after a
        # checkpoint and makes every update an eighth slower. The processor is what is scarce.
        "wal_compression": "off",
        # Enough for pg_basebackup and a standby; `minimal` would rule both out.
        "wal_level": "replica",
        # A cluster restored to a moment is ready when recovery has ended, not while it still replays.
        "hot_standby": "off",
        "max_wal_senders": "4",
        # -- running: queries are short and prepared, and the second core belongs to the writer
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "max_parallel_maintenance_workers": "0",
        "random_page_cost": "1.1",
        # After the crash of one of its processes the server ends, and ours starts it anew. Where it began again by
        # itself, 18.6 was seen to wait for ever in its recovery.
        "restart_after_crash": "off",
        # -- the log: what an operator needs, and no payment data (statements, keys and rows stay out)
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length_on_error": "0",
        "log_line_prefix": "%m [%p] ",
        "log_startup_progress_interval": "1s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "cluster_name": "pycore",
    }


def _quoted(folder: Path) -> str:
    """A list of folders is split at commas unless the name is in double quotes."""
    return '"' + str(folder).replace('"', '""') + '"'
