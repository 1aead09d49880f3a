"""Islands: trainers that are far apart learn one model over a directory that they share (DiLoCo, arXiv:2311.08105; by
fragments and in few bits, arXiv:2501.18512; without waiting for each other, arXiv:2604.21428)."""
