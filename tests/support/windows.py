"""What a rate limit is judged by: the most requests that any window holds."""

from collections import Counter


def most_in_a_window(made: Counter[int], window_us: int) -> int:
    """The most requests in any window of this length, its end not included, wherever it begins; time → requests."""
    times = sorted(made)
    most = inside = first = 0
    for time in times:
        inside += made[time]
        while times[first] <= time - window_us:
            inside -= made[times[first]]
            first += 1
        most = max(most, inside)
    return most
