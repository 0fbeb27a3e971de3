"""The workloads of the bench, one file each; ``bench/README.md`` says what they vary."""
