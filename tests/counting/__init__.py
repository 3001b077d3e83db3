"""“Will it count?” against what the platforms say once the lead is really rated."""
