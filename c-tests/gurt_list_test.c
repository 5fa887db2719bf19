/* Intrusive lists: gurt/list.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <gurt/common.h>
#include <gurt/list.h>

struct item {
	int value;
	d_list_t link;
};

/* Checks the values of a list from both ends. */
static void
assert_values(d_list_t *head, const int *values, int count)
{
	struct item *item;
	int at = 0;

	d_list_for_each_entry(item, head, link)
	{
		assert_true(at < count);
		assert_int_equal(item->value, values[at]);
		at++;
	}
	assert_int_equal(at, count);
	d_list_for_each_entry_reverse(item, head, link)
	{
		at--;
		assert_int_equal(item->value, values[at]);
	}
	assert_int_equal(at, 0);
}

static void
entries_keep_their_order(void **state)
{
	struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}};
	D_LIST_HEAD(head);

	assert_true(d_list_empty(&head));
	d_list_add_tail(&items[1].link, &head);
	d_list_add_tail(&items[2].link, &head);
	d_list_add(&items[0].link, &head);
	assert_values(&head, (int[]){1, 2, 3}, 3);
	assert_ptr_equal(d_list_entry(head.next, struct item, link), &items[0]);

	d_list_move_tail(&items[0].link, &head);
	assert_values(&head, (int[]){2, 3, 1}, 3);
	d_list_move(&items[2].link, &head);
	assert_values(&head, (int[]){3, 2, 1}, 3);
	d_list_del_init(&items[1].link);
	assert_true(d_list_empty(&items[1].link));
	assert_values(&head, (int[]){3, 1}, 2);
}

static void
entries_may_go_while_they_are_visited(void **state)
{
	struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
	struct item *item;
	struct item *next;
	D_LIST_HEAD(head);

	for (int i = 0; i < 4; i++)
		d_list_add_tail(&items[i].link, &head);
	d_list_for_each_entry_safe(item, next, &head, link)
	{
		if (item->value % 2 == 0)
			d_list_del(&item->link);
	}
	assert_values(&head, (int[]){1, 3}, 2);
}

static void
lists_are_joined(void **state)
{
	struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}};
	D_LIST_HEAD(head);
	D_LIST_HEAD(other);

	d_list_splice_init(&other, &head);
	assert_true(d_list_empty(&head));
	d_list_add_tail(&items[2].link, &head);
	d_list_add_tail(&items[0].link, &other);
	d_list_add_tail(&items[1].link, &other);
	d_list_splice_init(&other, &head);
	assert_true(d_list_empty(&other));
	assert_values(&head, (int[]){1, 2, 3}, 3);
}

static void
entries_are_popped(void **state)
{
	struct item items[] = {{.value = 1}, {.value = 2}};
	struct item *item;
	D_LIST_HEAD(head);

	d_list_add_tail(&items[0].link, &head);
	d_list_add_tail(&items[1].link, &head);
	item = d_list_pop_entry(&head, struct item, link);
	assert_ptr_equal(item, &items[0]);
	item = d_list_pop_entry(&head, struct item, link);
	assert_ptr_equal(item, &items[1]);
	item = d_list_pop_entry(&head, struct item, link);
	assert_null(item);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_keep_their_order),
		cmocka_unit_test(entries_may_go_while_they_are_visited),
		cmocka_unit_test(lists_are_joined),
		cmocka_unit_test(entries_are_popped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
