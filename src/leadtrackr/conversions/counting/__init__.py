"""“Will it count?”, asked before a lead is rated: what each platform could still make of the rating, and until when."""
